from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
NOTHING = Path(__file__).parents[2] / "data" / "in" / "nothing.wasm"


@pytest.fixture(autouse=True)
def _a_filter(tmp_path: Path) -> None:
    shutil.copy(NOTHING, tmp_path / "x.wasm")


def plugin(spec: str, name: str = "x", app: str = "a") -> str:
    return f"""---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {{name: {name}}}
spec: {{selector: {{matchLabels: {{app: {app}}}}}, {spec}}}
"""


def test_it_is_a_filter_before_the_workload(imported: Import) -> None:
    spec = "url: x.wasm, pluginName: root, pluginConfig: {a: 1}, failStrategy: FAIL_OPEN"
    (found,) = imported(service("a"), plugin(spec)).filters
    assert (found.kind, str(found.inbound)) == ("wasm", "a")
    assert (found.config.root_id, found.config.configuration) == ("root", '{"a":1}')
    assert found.config.on_trap == "open"


@pytest.mark.parametrize(
    ("match", "inbound", "edges"),
    [
        ("", ["b"], [("b", "a")]),
        (", match: [{mode: SERVER}]", ["b"], []),
        (", match: [{mode: CLIENT}]", [], [("b", "a")]),
    ],
)
def test_a_mode_is_which_traffic(
    imported: Import, match: str, inbound: list[str], edges: list[tuple[str, str]]
) -> None:
    text = plugin(f"url: x.wasm{match}", app="b")
    draft = imported(service("a"), service("b", calls="http://a"), text)
    assert [str(each.inbound) for each in draft.filters if each.inbound] == inbound
    assert [each.edge for each in draft.filters if each.edge] == edges


def test_a_higher_priority_comes_first(imported: Import, tmp_path: Path) -> None:
    for name in ("low", "high"):
        shutil.copy(NOTHING, tmp_path / f"{name}.wasm")
    low, high = (plugin(f"url: {n}.wasm, priority: {p}", n) for n, p in (("low", 1), ("high", 9)))
    draft = imported(service("a"), low, high)
    assert [each.name for each in draft.filters] == ["wasm.high", "wasm.low"]


@pytest.mark.parametrize(
    ("url", "told_of"),
    [
        ("oci://registry/x:1", "a filter by oci, which is not fetched"),
        ("registry/x:1", "a filter by oci, which is not fetched"),
        ("https://x.example/x.wasm", "a filter by https, which is not fetched"),
    ],
)
def test_nothing_is_fetched(imported: Import, told: Told, url: str, told_of: str) -> None:
    draft = imported(service("a"), plugin(f"url: '{url}'"))
    assert draft.filters == []
    assert any(f"not imported yet: {told_of}" in line for line in told(draft))


def test_a_file_that_is_not_there_is_refused(refusal: Callable[..., str]) -> None:
    assert "y.wasm" in refusal(service("a"), plugin("url: file:///y.wasm"))
