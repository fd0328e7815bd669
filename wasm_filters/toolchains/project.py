"""A new filter's project: the templates of its language, with the filter's name in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from wasm_filters.toolchains.toolchain import ProjectError

_ROOM = Path(__file__).parent.parent
_TEMPLATES = _ROOM / "templates"
_FOR_ALL = "all"  # languages
_BORROWED: Mapping[str, tuple[Path, ...]] = {
    "cpp": (_ROOM / "filters" / "include" / "proxy_wasm.h",),
}
_RENAMED = {
    "gitignore": ".gitignore",  # a package carries no hidden files
    "tests.template": "tests.yaml",  # by its own name it would be found, and is no YAML yet
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PLACEHOLDER = "{{name}}"


def new_project(folder: Path, language: str, name: str = "") -> list[Path]:
    """Write a project that builds and whose tests pass; the answer is its files.

    ``name`` is the folder's own if there is none. ProjectError: the folder has something in it, the
    name is none for every language, or the folder can't be written.
    """
    wanted = name or folder.resolve().name.replace("-", "_")
    if not _NAME.fullmatch(wanted):
        raise ProjectError(
            f"name {wanted!r}: expected lower-case letters, digits and _, a letter first"
        )
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ProjectError(f"{folder}: exists and is not empty, expected a new folder")
        return [_write(folder / place, text, wanted) for place, text in _texts(language)]
    except OSError as error:
        raise ProjectError(f"{error.filename or folder}: {error.strerror or error}") from error


def _texts(language: str) -> list[tuple[Path, str]]:
    """Where each file goes, and what is in it before the filter has its name."""
    found = []
    for root in (_TEMPLATES / language, _TEMPLATES / _FOR_ALL):
        for file in sorted(root.rglob("*")):
            if file.is_file():
                place = file.relative_to(root)
                renamed = place.with_name(_RENAMED.get(place.name, place.name))
                found.append((renamed, file.read_text()))
    return found + [(Path(file.name), file.read_text()) for file in _BORROWED.get(language, ())]


def _write(path: Path, text: str, name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(_PLACEHOLDER, name))
    return path
