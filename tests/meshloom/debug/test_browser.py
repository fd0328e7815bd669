"""``meshloom debug break --web`` as a process of its own, against a running mesh."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from tests.meshloom.command import inside
from tests.tap.flows.mitmweb import HAS_TOKEN

COMMAND = [sys.executable, "-m", "meshloom", "debug", "break", "reviews", "--web"]


@pytest.mark.skipif(not HAS_TOKEN, reason="mitmproxy 11, for Python 3.11: --web stays off")
def test_it_says_where_the_page_is_and_where_it_waits_until_it_is_interrupted(
    demo: dict[str, Any],
) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            says = "waiting at reviews (3 Envoys), request headers, fail-open, lease 10 min\n"
            assert process.stdout.readline() == says
            with urllib.request.urlopen(url.replace("/?", "/flows?"), timeout=10) as answer:
                assert answer.read() == b"[]"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_sentence_that_is_none_is_bad_input(demo: dict[str, Any]) -> None:
    done = inside("debug", "break", "reviewz", "--web")
    assert done.code == 2
    assert "unknown service 'reviewz'" in done.err or not HAS_TOKEN


def test_without_authentication_it_stays_off(
    demo: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "11.0.2")
    done = inside("debug", "break", "reviews", "--web")
    assert (done.code, done.out) == (2, "")
    assert "has no authentication" in done.err
