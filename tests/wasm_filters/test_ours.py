"""Filters of ours have names wherever a filter's file is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_traffic import Request
from mesh_yaml.place import DocumentError
from wasm_filters.errors import ModuleError
from wasm_filters.filter import Filter
from wasm_filters.ours import FOLDER, filter_file, names
from wasm_filters.testing.cases import cases
from wasm_filters.testing.load import load
from wasm_filters.testing.runner import Runner

TESTS = """\
{filter}
tests:
  - name: it lets all pass
    request: {{path: /}}
    expect: {{status: 200}}
"""


def test_all_filters_of_the_folder_have_a_name_that_leads_to_them() -> None:
    folders = [folder.name for folder in FOLDER.iterdir() if (folder / "SHA256").exists()]
    assert names() == sorted(folders)
    assert all(filter_file(f"meshloom:{name}").is_file() for name in names())


def test_all_else_is_a_path_from_the_folder() -> None:
    assert filter_file("a.wasm") == Path("a.wasm")
    assert filter_file("a.wasm", Path("/b")) == Path("/b/a.wasm")
    assert filter_file("meshloom", Path("/b")) == Path("/b/meshloom")
    assert filter_file(Path("meshloom:ab_router"), Path("/b")).parent == FOLDER / "ab_router"


@pytest.mark.parametrize("name", ["", "no", "../filters/ab_router", "build", "AB_ROUTER"])
def test_an_unknown_name_is_told_which_there_are(name: str) -> None:
    wanted = f"meshloom:{name}: no filter of ours, expected one of ab_router, async_auth, "
    with pytest.raises(ModuleError) as caught:
        filter_file(f"meshloom:{name}")
    assert str(caught.value).startswith(wanted)


def test_a_program_loads_one_by_its_name() -> None:
    assert Filter.load("meshloom:header_policy").handle(Request()).status == 200


@pytest.mark.parametrize(
    "named", ["filter: meshloom:header_policy", "filters: [{file: 'meshloom:header_policy'}]"]
)
def test_a_test_file_names_one(tmp_path: Path, named: str) -> None:
    file = tmp_path / "tests.yaml"
    file.write_text(TESTS.format(filter=named))
    (case,) = cases(load(file))
    assert Runner().run(case).passed


def test_a_test_file_that_names_an_unknown_one_is_told_where(tmp_path: Path) -> None:
    file = tmp_path / "tests.yaml"
    file.write_text(TESTS.format(filter="filter: meshloom:no"))
    with pytest.raises(DocumentError, match=r"tests\.yaml:1:9: meshloom:no: no filter of ours"):
        Runner().prepare([load(file)])
