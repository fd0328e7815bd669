from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from tests.meshloom.command import inside as run

ISSUER = "https://shop.test"


def test_a_token_is_checked_with_the_keys_of_its_issuer() -> None:
    keys = jwt.PyJWKSet.from_json(run("token", ISSUER, "--jwks").out)
    said = run("token", ISSUER, "--subject", "ann", "--audience", "api", "--claim", "n=[1]")
    assert said.code == 0
    claims = jwt.decode(said.out.strip(), keys.keys[0], ["ES256"], audience="api")
    assert (claims["iss"], claims["sub"], claims["n"]) == (ISSUER, "ann", [1])
    assert claims["exp"] - claims["iat"] == 300


def test_a_key_of_ones_own_is_kept_where_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    assert run("token", ISSUER, "--new-key", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    keys = jwt.PyJWKSet.from_json(run("token", ISSUER, "--key", str(file), "--jwks").out)
    said = run("token", ISSUER, "--key", str(file), "--json", "--claim", "role=admin")
    answer = json.loads(said.out)
    assert jwt.decode(answer["token"], keys.keys[0], ["ES256"]) == answer["claims"]
    assert answer["claims"]["role"] == "admin"
    assert run("token", ISSUER, "--new-key", str(file)).code == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--claim", "x"), "expected name=value, got 'x'"),
        (("--lasts", "long"), "expected a duration"),
        (("--flaw", "old"), "expected expired, early or forged"),
        (("--key", "/etc/passwd"), "is no private key of P-256"),
    ],
)
def test_what_can_not_be_signed_is_bad_input(more: tuple[str, ...], told: str) -> None:
    done = run("token", ISSUER, *more)
    assert done.code == 2
    assert told in done.err
