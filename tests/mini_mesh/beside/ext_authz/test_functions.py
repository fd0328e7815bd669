from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.ext_authz.decision import Asked
from mesh_patterns.ext_authz.rules import Function
from mini_mesh.beside.ext_authz.functions import load


def test_a_function_is_loaded_from_a_file_or_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "deciding_alone.py"
    file.write_text("def go(asked):\n    return asked.path == '/a'\n")
    monkeypatch.syspath_prepend(tmp_path)
    for source in (str(file), "deciding_alone"):
        assert load(Function(source, "go"))(Asked("GET", "/a", "x")) is True


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("x = 1", "go", "has no function 'go'"),
        ("go = 1", "go", "has no function 'go'"),
        ("def go(:", "go", "SyntaxError"),
        ("raise SystemError('no')", "go", "SystemError: no"),
    ],
)
def test_what_can_not_be_loaded_is_told(tmp_path: Path, text: str, name: str, told: str) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=told):
        load(Function(str(file), name))


def test_a_module_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="No module named 'nowhere_at_all'"):
        load(Function("nowhere_at_all", "go"))
