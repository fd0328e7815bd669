from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from tests.meshloom.command import inside


def test_it_tells_whom_to_trust_and_gives_its_socket_to_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "ca.sock"
    command = [sys.executable, "-m", "meshloom", "ca", "web-1=web", "--socket", str(path), "--json"]
    with subprocess.Popen(
        [*command, "--authority", str(tmp_path / "kept")], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        ready = json.loads(run.stdout.readline())
        assert ready["socket"] == str(path)
        kept = (tmp_path / "kept" / "ca.pem").read_text()
        assert ready["bundle"] == kept
        x509.load_pem_x509_certificate(kept.encode())
        assert path.stat().st_mode & 0o777 == 0o600
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("web",), "expected NODE=ID, each node once, got 'web'"),
        (("a=x", "a=y"), "expected NODE=ID, each node once, got 'a=y'"),
        (("a=../b",), "expected a path such as ns/shop/web"),
        (("a=b", "--lasts", "5s"), "a certificate lasts at least 10s"),
        (("a=b", "--lasts", "soon"), "expected a duration"),
        (("a=b", "--socket", "/nowhere/at/all.sock"), "/nowhere/at/all.sock"),
    ],
)
def test_what_can_not_be_issued_is_bad_input(arguments: tuple[str, ...], told: str) -> None:
    done = inside("ca", *arguments)
    assert done.code == 2
    assert told in " ".join(done.err.split())
