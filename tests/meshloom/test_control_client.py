"""Whom ``meshloom xds`` asks, and what it says where nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meshloom.command import inside


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--server", "127.0.0.1:1"], "meshloom xds status: 127.0.0.1:1: failed to connect"),
        (["--server", "a:1", "--mesh", "b"], "--server, --mesh: wanted one of the two"),
        (["--server", "a:1", "--tls-cert", "c"], "--tls-cert, --tls-key: each needs the other"),
        (
            ["--server", "a:1", "--tls-cert", "c", "--tls-key", "k"],
            "--tls-cert: needs --tls-ca",
        ),
        (["--server", "a:1", "--tls-ca", "no.pem"], "No such file or directory: 'no.pem'"),
        ([], "meshloom: no mesh is running; start one with 'meshloom up'"),
    ],
)
def test_where_nobody_can_be_asked_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], told: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = inside("xds", "status", *options)
    assert (done.code, done.out) == (2, "")
    assert told in " ".join(done.err.split())
