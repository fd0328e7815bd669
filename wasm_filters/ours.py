"""Where a filter's file is: a path, or the name of a filter that comes with meshloom."""

from __future__ import annotations

from pathlib import Path

from wasm_filters.errors import ModuleError

FOLDER = Path(__file__).parent / "filters"
_SCHEME = "meshloom:"


def names() -> list[str]:
    """The filters that come with meshloom."""
    return sorted(file.stem for file in FOLDER.glob("*/*.wasm"))


def filter_file(named: Path | str, folder: Path | None = None) -> Path:
    """The file of a filter: ``meshloom:NAME`` is one of ours, all else a path from ``folder``.

    Raises:
        ModuleError: there is none of ours with that name; a path need not exist.
    """
    text = str(named)
    if not text.startswith(_SCHEME):
        return folder / named if folder else Path(named)
    name = text.removeprefix(_SCHEME)
    if name not in names():
        raise ModuleError(f"{text}: no filter of ours, expected one of {', '.join(names())}")
    return FOLDER / name / f"{name}.wasm"
