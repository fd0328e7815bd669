"""``meshloom tap --web`` as a process of its own, against a running mesh."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from tests.meshloom.command import inside


def test_it_says_where_the_page_is_and_the_page_fills(demo: dict[str, Any]) -> None:
    if sys.version_info < (3, 12):
        pytest.skip("mitmproxy 11, for Python 3.11, has no authentication: --web stays off")
    command = [sys.executable, "-m", "meshloom", "tap", "--web"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            address, _, token = url.partition("?token=")
            assert address.startswith("http://127.0.0.1:")
            urllib.request.urlopen(demo["ingress"] + "/productpage", timeout=10).close()
            flows: list[Any] = []
            while not flows:
                request = urllib.request.Request(f"{address.rstrip('/')}/flows?token={token}")
                with urllib.request.urlopen(request, timeout=10) as answer:
                    flows = json.load(answer)
            assert flows[0]["request"]["path"].startswith("/")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_without_authentication_it_stays_off(
    demo: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap.flows.web.version", lambda name: "11.0.2")
    done = inside("tap", "--web")
    assert done.code == 2
    assert "has no authentication" in done.err
    assert "Python 3.12" in done.err
