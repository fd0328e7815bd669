"""The house itself is tested: floors, names, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "meshloom",
    "mesh_patterns",
    "xds_server",
    "wasm_filters",
    "tap",
    "debugger",
    "mini_mesh",
    "mesh_traffic",
    "mesh_yaml",
)
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MAX_LINES = 400


def test_an_import_only_ever_goes_down() -> None:
    """The floors of docs/ARCHITECTURE.md, as import-linter reads them in pyproject.toml."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_room(module: Path) -> None:
    text = module.read_text()
    assert text.count("\n") <= MAX_LINES, f"{module} has more than {MAX_LINES} lines"
    if text.strip() and not module.match("wasm_filters/filters/*"):
        assert ast.get_docstring(ast.parse(text)), f"{module} does not say what it is for"
