from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as xml

from mesh_patterns.load import load
from meshloom.proof_page.picture import MAX_CALLS, MAX_SERVICES, picture

MESH = """
mesh:
  services:
    web: {calls: [shop, db], ingress: true}
    shop: {versions: {v1: , v2: }, calls: [db, web]}
    db: {protocol: tcp}
patterns:
- {pattern: mtls, on: '*'}
- {pattern: canary, on: shop, weights: {v1: 90, v2: 10}}
- {pattern: circuit_breaker, on: web -> shop, max_requests: 2}
- {pattern: fault, on: shop/v2, abort: {status: 503}}
- {pattern: retries, on: shop -> web, attempts: 1}
expect:
- {to: db, status: 200}
"""


def drawn(folder: Path, text: str) -> str:
    file = folder / "mesh.yaml"
    file.write_text(text)
    return picture(load([file]))


def test_services_callers_and_patterns_are_where_they_belong(tmp_path: Path) -> None:
    text = drawn(tmp_path, MESH)
    svg = xml.fromstring(re.search(r"<svg class=\"mesh.*?</svg>", text, re.DOTALL)[0])  # type: ignore[index]
    titles = {title.text for title in svg.iter("title")}
    assert {
        "client", "ingress", "web", "db · tcp", "shop · v1, v2 · canary · fault (v2)",
        "ingress → web", "web → shop", "web → db", "shop → db", "shop → web", "client → db",
    } == titles  # fmt: skip
    on_edges = [each.text for each in svg.iter("text") if "on-edge" in (each.get("class") or "")]
    assert on_edges == ["circuit_breaker", "retries"]
    assert "everywhere: <code>mtls</code>" in text


def test_boxes_do_not_cover_each_other(tmp_path: Path) -> None:
    text = drawn(tmp_path, MESH)
    svg = xml.fromstring(re.search(r"<svg class=\"mesh.*?</svg>", text, re.DOTALL)[0])  # type: ignore[index]
    rects = [
        [float(each.get(key) or 0) for key in ("x", "y", "width", "height")]
        for each in svg.iter("rect")
    ]
    for i, (x, y, w, h) in enumerate(rects):
        for a, b, c, d in rects[:i]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y


def test_a_mesh_where_all_call_all_is_told_of_and_not_drawn(tmp_path: Path) -> None:
    names = [f"s{i}" for i in range(20)]
    services = ", ".join(
        f"{name}: {{calls: [{', '.join(each for each in names if each != name)}]}}"
        for name in names
    )
    text = drawn(tmp_path, f"mesh: {{services: {{{services}}}}}")
    assert text == f"<p>380 calls: more than {MAX_CALLS} are not drawn</p>"


def test_a_large_mesh_is_told_of_and_not_drawn(tmp_path: Path) -> None:
    services = ", ".join(f"s{i}: " for i in range(MAX_SERVICES + 1))
    text = drawn(tmp_path, f"mesh: {{services: {{{services}}}}}")
    assert text == f"<p>{MAX_SERVICES + 1} services: more than {MAX_SERVICES} are not drawn</p>"
