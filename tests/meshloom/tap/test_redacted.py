"""``meshloom up --redact``: what is secret in captures, by rules of one's own."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from meshloom.up import DEMO
from tests.meshloom.command import inside, up
from tests.meshloom.tap.stored import tap


def test_wrong_rules_are_named_at_their_place_before_anything_starts(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("patterns:\n  employee: '('\n")
    done = inside("up", DEMO, "--redact", rules)
    assert done.code == 2
    assert f"{rules}:2:13:" in done.err


def test_what_the_rules_name_is_in_no_store(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("parameters: [staff]\n")
    with up(DEMO, "--redact", rules) as mesh:
        ready = mesh.ready()
        url = ready["ingress"] + "/productpage?staff=4711-geheim&page=2"
        urllib.request.urlopen(url, timeout=10).close()
        end = time.monotonic() + 10
        while not (lines := tap("query", "~u staff", "--json", "--mesh", str(ready["pid"])).out):
            assert time.monotonic() < end
            time.sleep(0.1)
    for line in lines.splitlines():
        path = json.loads(line)["request"]["path"]
        assert "geheim" not in path
        assert path.startswith("/productpage?staff=")
        assert path.endswith("&page=2")
