"""Where the functions of a module begin, by the names that it exports them under.

Source: WebAssembly core specification 3.0, "Binary Format", "Export Section" and "Code Section".
"""

from __future__ import annotations

from collections.abc import Iterator

from wasm_filters.inspection.interface import interface
from wasm_filters.inspection.sections import Reader, Section, SectionsError

_EXPORT, _CODE = 7, 10
_FUNCTION = 0


def exported_functions(code: bytes) -> dict[str, int]:
    """For each exported function the offset of its body in the module; none if it can't be read."""
    try:
        shown = interface(code)
        imported = sum(one.kind == "function" for one in shown.imports)
        found = {section.id: section for section in shown.sections}
        exports, bodies = found.get(_EXPORT), found.get(_CODE)
        if exports is None or bodies is None:
            return {}
        return dict(_begun(code, exports, list(_bodies(code, bodies)), imported))
    except SectionsError:
        return {}


def _begun(
    code: bytes, exports: Section, bodies: list[int], imported: int
) -> Iterator[tuple[str, int]]:
    for name, kind, index in Reader(code, exports.start, exports.end).items(_export):
        if kind == _FUNCTION and 0 <= index - imported < len(bodies):
            yield name, bodies[index - imported]


def _bodies(code: bytes, section: Section) -> Iterator[int]:
    reader = Reader(code, section.start, section.end)
    for _ in range(reader.number()):
        yield reader.part(reader.number()).at


def _export(reader: Reader) -> tuple[str, int, int]:
    return reader.text(), reader.byte(), reader.number()
