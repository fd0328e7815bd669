from __future__ import annotations

from pathlib import Path

import pytest

from debugger.routing.checks.read import read
from mesh_yaml.place import DocumentError


def test_each_check_knows_its_place(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("routes:\n  - {to: a, status: 200}\n  - {to: b, status: 200}\n")
    assert [str(check.place("to")) for check in read(file).routes] == [
        f"{file}:2:10",
        f"{file}:3:10",
    ]


@pytest.mark.parametrize("text", ["", "routes: []", "a: b", "- 1", "--- {}\n--- {}\n", "\0", "{"])
def test_what_is_no_file_of_checks_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(text)
    with pytest.raises(DocumentError):
        read(file)
