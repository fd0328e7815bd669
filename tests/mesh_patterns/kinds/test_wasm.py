from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.kinds.wasm import WasmFilter
from tests.mesh_patterns.conftest import Read, Refusal
from wasm_filters.ours import FOLDER, names

MESH = "mesh: {services: {page: {calls: [web]}, web: {versions: {v1: , v2: }}}}\npatterns:\n"
NOTHING = Path(__file__).parents[1] / "data" / "in" / "nothing.wasm"
SHA256 = hashlib.sha256(NOTHING.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _a_filter(tmp_path: Path) -> None:
    shutil.copy(NOTHING, tmp_path / "x.wasm")


def test_a_filter_is_its_content_and_how_to_run_it(read: Read, tmp_path: Path) -> None:
    draft = read(
        f"{MESH}- {{pattern: wasm, on: web/v2, file: x.wasm, root_id: r, on_trap: reload, "
        f"sha256: {SHA256.upper()}, configuration: {{a: [1, null]}}, vm_configuration: text}}"
    )
    (found,) = draft.filters
    assert (found.name, found.inbound) == ("wasm.x", Target("web", "v2"))
    file = tmp_path / "x.wasm"
    configured = json.dumps({"a": [1, None]}, separators=(",", ":"))
    assert found.config == WasmFilter(file, SHA256, "x", "r", configured, "text", "reload")
    assert draft.all_files()[-1] == file


@pytest.mark.parametrize(
    ("where", "edges", "workloads"),
    [
        ("on: page -> web", [("page", "web")], []),
        ("on: web", [], [Target("web")]),
        ("on: page -> web, side: service", [], [Target("web")]),
        ("on: web, side: caller", [("page", "web"), ("client", "web")], []),
        ("on: '*'", [], [Target("page"), Target("web")]),
    ],
)
def test_a_filter_stands_where_it_says_or_where_its_selector_points(
    read: Read, where: str, edges: list[tuple[str, str]], workloads: list[Target]
) -> None:
    draft = read(f"{MESH}- {{pattern: wasm, {where}, file: x.wasm}}")
    assert [each.edge for each in draft.filters if each.edge] == edges
    assert [each.inbound for each in draft.filters if each.inbound] == workloads


def test_a_filter_says_whom_it_asks(read: Read) -> None:
    draft = read(MESH + "- {pattern: wasm, on: web/v1, file: x.wasm, calls: [page, web/v2]}")
    assert draft.filters[0].calls == (Target("page"), Target("web", "v2"))


@pytest.mark.parametrize(
    ("on", "callers"),
    [("web", ["web"]), ("page -> web", ["page"]), ("client -> web", ["client"])],
)
def test_it_asks_as_the_service_whose_envoy_runs_it(
    read: Read, on: str, callers: list[str]
) -> None:
    draft = read(f"{MESH}- {{pattern: wasm, on: {on}, file: x.wasm, calls: [page]}}")
    assert [each.caller for each in draft.filters] == callers


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("pages", "3:50: no service 'pages'; did you mean 'page'?"),
        ("web/v3", "3:50: 'web' has no version 'v3'; there is 'v1', 'v2'"),
        ("web.test", "3:50: 'web.test' is called 'web'; say that"),
    ],
)
def test_whom_a_filter_asks_is_there_under_that_name(
    refusal: Refusal, called: str, told: str
) -> None:
    mesh = MESH.replace("{versions", "{hosts: [web.test], versions")
    assert refusal(f"{mesh}- {{pattern: wasm, on: web, file: x.wasm, calls: [{called}]}}") == told


def test_our_own_filters_have_names(read: Read) -> None:
    draft = read(MESH + "- {pattern: wasm, on: web, file: 'meshloom:header_policy'}")
    assert draft.filters[0].config.file == FOLDER / "header_policy" / "header_policy.wasm"


def test_a_file_is_looked_for_beside_the_pattern_file(refusal: Refusal, tmp_path: Path) -> None:
    told = refusal(MESH + "- {pattern: wasm, on: web, file: no.wasm}")
    assert told == f"3:34: {tmp_path}/no.wasm: can't be read: No such file or directory"


def test_an_unknown_filter_of_ours_is_told_which_there_are(refusal: Refusal) -> None:
    told = refusal(MESH + "- {pattern: wasm, on: web, file: 'meshloom:no'}")
    assert told == f"3:34: meshloom:no: no filter of ours, expected one of {', '.join(names())}"


def test_a_file_of_another_content_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    told = refusal(MESH + "- {pattern: wasm, on: web, file: x.wasm, sha256: abc}")
    assert told == f"3:50: {tmp_path}/x.wasm has sha256 {SHA256}, expected abc"


@pytest.mark.parametrize("content", [b"", b"no wasm", b"\0asm\1\0\0\0"])
def test_what_envoy_would_not_load_is_refused(
    refusal: Refusal, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.wasm").write_bytes(content)
    assert refusal(MESH + "- {pattern: wasm, on: web, file: x.wasm}").startswith("3:34: ")
