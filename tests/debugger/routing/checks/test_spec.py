from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from debugger.routing.checks.read import read
from debugger.routing.checks.spec import language
from mesh_yaml.place import DocumentError
from mesh_yaml.yaml import parse


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{to: a}", "2:5: checks nothing; expected at least one of cluster, version, share"),
        ("{pth: /, status: 200}", "2:6: unknown key 'pth'; did you mean 'path'?"),
        ("{status: 20}", "2:14: status: input should be greater than or equal to 100"),
        ("{version: v1}", "2:5: a version is one of a service; say which with 'to'"),
        ("{to: a, share: {v1: x}}", "2:25: v1: expected a number or bounds"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(f"routes:\n  - {line}\n")
    with pytest.raises(DocumentError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}:{complaint}")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("routes: [{to: a, version: 1, headers: {x: [a, b], y: c}}]", True),
        ("routes: [{to: a, share: {v1: 90, v2: 5%..15%}}]", True),
        ("routes: [{to: a, shre: {}}]", False),
        ("routes: []", False),
    ],
)
def test_the_schema_takes_what_the_reader_takes(text: str, fits: bool) -> None:
    (document,) = parse(text, "x")
    assert jsonschema.Draft202012Validator(language()).is_valid(document.plain()) is fits
