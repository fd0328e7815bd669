"""The page in a real browser, of a mesh and claims that somebody hostile has named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from mesh_patterns.load import load
from meshloom.proof_page.page import page
from mini_mesh.proving.observed import Happened
from mini_mesh.proving.prover import Proof
from mini_mesh.proving.record import Point, Record
from mini_mesh.proving.verdict import Measured, Verdict
from tests.tap.flows.web.chromium import find_chromium, opened

EVIL = (
    "</pre><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
)
MESH = f"""
name: {json.dumps(EVIL)}
mesh: {{services: {{web: {{calls: [shop], ingress: true}}, shop: {{versions: {{v1: , v2: }}}}}}}}
patterns: [{{pattern: mtls, on: '*'}}]
expect:
- {{to: shop, send: 20, during: stop shop/v1, status: 200, within: 0s..1s}}
- {{to: shop, status: 500}}
"""


def proven(folder: Path) -> str:
    file = folder / "mesh.yaml"
    file.write_text(MESH)
    draft = load([file])
    points = tuple(Point(i / 10, 0.01, 200 if i % 3 else 503) for i in range(20))
    record = Record(points, 20, (Happened(EVIL, 0.5, 1.0),))
    place = str(draft.mesh.claims[0].place())
    good = Verdict(
        "all is well: status 200", "20", "20", True, place, 0.027, (), (Measured(5, 3, 7),)
    )
    bad = Verdict(f"{EVIL}: x", EVIL, EVIL, False, place, None, (EVIL,), (Measured(1, 3, 7),))
    proofs = [
        Proof(draft.mesh.claims[0], "all is well", (good,), 1.0, record),
        Proof(draft.mesh.claims[1], EVIL, (bad,), 1.0),
    ]
    return page(draft, proofs, "Envoy 1", 3.2)


def test_it_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    text = proven(tmp_path)
    assert re.findall(r"<(?:script|img|link|iframe|object)\b", text) == []
    assert re.findall(r"(?:src|href|url\()\W*(?:https?:|//)", text) == []
    assert "p = 2.7 % to fail by luck" in text


async def test_a_browser_shows_it_from_a_file(tmp_path: Path) -> None:
    binary = find_chromium()
    if binary is None:
        pytest.skip("there is no Chromium")
    file = tmp_path / "report <1>.html"
    file.write_text(proven(tmp_path))
    async with opened(binary, tmp_path / "profile", f"file://{quote(str(file))}") as tab:
        count = "document.querySelectorAll('article').length"
        assert await tab.wait(count) == 2
        assert (await tab.run("document.title")).endswith(": 1 of 2 claims hold")
        assert await tab.run("document.querySelectorAll('script, img').length") == 0
        seen = await tab.run("document.querySelector('article.fails h2').innerText")
        assert seen == f"✗ {EVIL}"
        assert await tab.run("document.querySelectorAll('svg.mesh g.service').length") == 4
        assert await tab.run("document.querySelectorAll('svg.plot').length") == 2
        assert await tab.run("document.querySelectorAll('svg.bar').length") == 2
        day = await tab.run("getComputedStyle(document.body).backgroundColor")
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        await tab.call("Emulation.setEmulatedMedia", features=[dark])
        night = await tab.run("getComputedStyle(document.body).backgroundColor")
        assert (day, night) == ("rgb(255, 255, 255)", "rgb(13, 17, 23)")
        await tab.call("Emulation.setEmulatedMedia", media="print", features=[dark])
        assert await tab.run("getComputedStyle(document.body).backgroundColor") == day
