"""``meshloom rate-limit``: for Envoys, and everybody who speaks gRPC."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from mini_mesh.beside.rate_limit.limiter import HEALTH, SHOULD_RATE_LIMIT
from tests.mesh_patterns.rate_limits.configs import MAIL, SHADOW
from tests.meshloom.command import inside, kept
from tests.mini_mesh.beside.rate_limit.test_limiter import ADVERT, OK, OVER, question
from xds_server.mirror import parse
from xds_server.protos import rate_limit_service as messages


def written(folder: Path, *texts: str) -> list[Path]:
    files = [folder / f"{i}.yaml" for i in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return files


def codes(address: str, count: int) -> list[int]:
    asked = question("mail", ADVERT).SerializeToString()
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(SHOULD_RATE_LIMIT)
        answers = [parse(messages.RateLimitResponse, call(asked)) for _ in range(count)]
        assert channel.unary_unary(HEALTH)(b"") == b"\x08\x01"
    return [each.overall_code for each in answers]


@pytest.mark.parametrize("where", ["127.0.0.1:0", "unix:{}/s.sock"])
def test_it_decides_by_its_rules_until_it_is_ended(tmp_path: Path, where: str) -> None:
    files = written(tmp_path, MAIL, SHADOW)
    with kept("rate-limit", "--json", "--listen", where.format(tmp_path), *files) as service:
        ready = service.ready()
        assert ready["domains"] == ["mail", "soft"]
        assert codes(ready["address"], 7) == [OK] * 5 + [OVER] * 2
        done = service.stop()
    assert done.code == 0
    (stopped,) = done.events
    counts = {"total_hits": 7, "within_limit": 5, "over_limit": 2}
    assert stopped["statistics"] == {"mail.kind_advertising.to": counts}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--listen", "0.0.0.0:8081"], "'0.0.0.0' is not on loopback"),
        (["--listen", "example.com:80"], "'example.com' is not on loopback"),
        (["--listen", "8081"], "expected HOST:PORT or unix:PATH, got '8081'"),
        (["--listen", f"unix:/{'x' * 200}"], "can't be longer"),
        (["--redis", "http://x"], "expected redis://HOST:PORT"),
    ],
)
def test_addresses_that_will_not_do_are_refused(
    tmp_path: Path, options: list[str], says: str
) -> None:
    done = inside("rate-limit", *written(tmp_path, MAIL), *options)
    assert done.code == 2
    assert says in " ".join(done.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("domain: d\ndescriptors: [{key: a, value: [b]}]", "2:"),
        ("- 1", "1:"),
        ("domain: ''", "1:9"),
        ("descriptors: []", "domain"),
        ("domain: d\ndescriptors: " + "[{key: a, descriptors: " * 500, "1:1: is not YAML"),
    ],
)
def test_files_that_hold_no_rules_are_refused_at_their_line(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "limits.yaml"
    file.write_text(text)
    done = inside("rate-limit", file)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
