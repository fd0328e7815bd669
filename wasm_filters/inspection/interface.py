"""What a module shows of itself, read from its bytes: imports, exports, memory, start function.

As far as this is read, it need not be valid: a body may hold anything. Where the module does not
say what it should (an export of a function that is not there), SectionsError says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wasm_filters.abi import Signature
from wasm_filters.engine.border import Import
from wasm_filters.inspection.sections import Reader, Section, SectionsError, sections

PAGE = 64 * 1024
_VALUES = {0x7F: "i", 0x7E: "I", 0x7D: "f", 0x7C: "F"}
_ABSTRACT = frozenset({*range(0x68, 0x76), 0x7B, 0x78, 0x77})  # references, v128, i8, i16
_REFERENCE = (0x63, 0x64)  # to a type that stands behind it
_FUNCTION, _TABLE, _MEMORY, _GLOBAL, _TAG = range(5)
KINDS = ("function", "table", "memory", "global", "tag")


@dataclass(frozen=True, slots=True)
class MemoryType:
    """A memory's size in pages of ``page`` bytes; ``maximum`` is None where there is none."""

    minimum: int
    maximum: int | None = None
    shared: bool = False
    wide: bool = False
    page: int = PAGE

    @property
    def bytes(self) -> int:
        """How large it is at first."""
        return self.minimum * self.page


@dataclass(frozen=True, slots=True)
class Interface:
    """A module from outside.

    ``functions`` are the exported ones in their order. ``memory`` is the export that is its memory,
    of several the last, as in Envoy, and ``memory_type`` its size (an imported one's if none is
    exported); ``memories`` are all, imported ones first. ``starts``: a function runs when the
    module is instantiated.
    """

    imports: tuple[Import, ...] = ()
    functions: Mapping[str, Signature] = field(default_factory=dict)
    memories: tuple[MemoryType, ...] = ()
    memory: str | None = None
    memory_type: MemoryType | None = None
    starts: bool = False
    sections: tuple[Section, ...] = ()

    def section(self, name: str) -> Section | None:
        """The first custom section called ``name``."""
        return next((one for one in self.sections if one.id == 0 and one.name == name), None)


def interface(code: bytes) -> Interface:
    """What the module ``code`` shows; SectionsError where it can't be read."""
    found = _Found(tuple(sections(code)))
    readers = {
        1: found.types_section, 2: found.import_section, 3: found.function_section,
        5: found.memory_section, 7: found.export_section, 8: found.start_section,
    }  # fmt: skip
    for section in found.sections:
        if read := readers.get(section.id):
            reader = Reader(code, section.start, section.end)
            read(reader)
            reader.finish(section)
    return found.interface()


def types(code: bytes, section: Section) -> list[Signature | None]:
    """The types of the type section; None for what is no function. SectionsError."""
    reader = Reader(code, section.start, section.end)
    found = [one for group in reader.items(_types) for one in group]
    reader.finish(section)
    return found


class _Found:
    """What was read so far; every index is looked up in what came before it."""

    def __init__(self, all_sections: tuple[Section, ...]) -> None:
        self.sections = all_sections
        self.types: list[Signature | None] = []
        self.imports: list[Import] = []
        self.functions: list[Signature | None] = []
        self.memories: list[MemoryType] = []
        self.exports: dict[str, Signature] = {}
        self.memory: str | None = None
        self.memory_at = 0
        self.starts = False

    def interface(self) -> Interface:
        memory_type = self.memories[self.memory_at] if self.memories else None
        return Interface(
            tuple(self.imports), self.exports, tuple(self.memories), self.memory, memory_type,
            self.starts, self.sections,
        )  # fmt: skip

    def types_section(self, reader: Reader) -> None:
        for group in reader.items(_types):
            self.types += group

    def import_section(self, reader: Reader) -> None:
        reader.items(self._import)

    def _import(self, reader: Reader) -> None:
        module, name = reader.text(), reader.text()
        at, kind, signature = reader.at, reader.byte(), None
        match kind:
            case 0:
                signature = self._type(reader)
                self.functions.append(signature)
            case 1:
                _value(reader)
                _limits(reader)
            case 2:
                self.memories.append(_limits(reader))
            case 3:
                _value(reader)
                reader.byte()
            case 4:
                reader.byte()
                reader.number()
            case _:
                raise SectionsError(at, f"import {module}.{name} is of unknown kind {kind:#x}")
        self.imports.append(Import(module, name, signature, KINDS[kind]))

    def function_section(self, reader: Reader) -> None:
        self.functions += reader.items(self._type)

    def memory_section(self, reader: Reader) -> None:
        self.memories += reader.items(_limits)

    def export_section(self, reader: Reader) -> None:
        for name, kind, at, index in reader.items(_export):
            if kind == _FUNCTION:
                self.exports[name] = self._function(at, index) or Signature("?", "?")
            elif kind == _MEMORY:
                self.memory, self.memory_at = name, self._memory(at, index)

    def start_section(self, reader: Reader) -> None:
        self._function(reader.at, reader.number())
        self.starts = True

    def _type(self, reader: Reader) -> Signature | None:
        at, index = reader.at, reader.number()
        if index >= len(self.types):
            raise SectionsError(at, f"type {index} is wanted, there are {len(self.types)}")
        return self.types[index]

    def _memory(self, at: int, index: int) -> int:
        if index >= len(self.memories):
            raise SectionsError(at, f"memory {index} is wanted, there are {len(self.memories)}")
        return index

    def _function(self, at: int, index: int) -> Signature | None:
        if index >= len(self.functions):
            raise SectionsError(at, f"function {index} is wanted, there are {len(self.functions)}")
        return self.functions[index]


def _export(reader: Reader) -> tuple[str, int, int, int]:
    name, kind, at = reader.text(), reader.byte(), reader.at
    return name, kind, at, reader.number()


def _types(reader: Reader) -> list[Signature | None]:
    """One entry of the type section: a type, or a group of types that know each other."""
    at, form = reader.at, reader.byte()
    if form == 0x4E:
        return [one for group in reader.items(_types) for one in group]
    if form in (0x50, 0x4F):  # a type with its supertypes
        reader.items(Reader.number)
        at, form = reader.at, reader.byte()
    match form:
        case 0x60:
            params, results = reader.items(_value), reader.items(_value)
            return [Signature("".join(params), "".join(results))]
        case 0x5F:
            reader.items(_field)
        case 0x5E:
            _field(reader)
        case 0x5D:
            reader.number(33)
        case _:
            raise SectionsError(at, f"a type of unknown form {form:#x}")
    return [None]


def _field(reader: Reader) -> None:
    _value(reader)
    reader.byte()


def _value(reader: Reader) -> str:
    """A value's type, as a Signature writes it; ``?`` for all that no hostcall knows."""
    at, kind = reader.at, reader.byte()
    if kind in _REFERENCE:
        reader.number(33)
    elif kind not in _VALUES and kind not in _ABSTRACT:
        raise SectionsError(at, f"a value of unknown type {kind:#x}")
    return _VALUES.get(kind, "?")


def _limits(reader: Reader) -> MemoryType:
    """The limits of a memory or a table: flags, then the least and perhaps the most."""
    at, flags = reader.at, reader.byte()
    if flags > 0x0F:
        raise SectionsError(at, f"limits with unknown flags {flags:#x}")
    bits = 64 if flags & 4 else 32
    minimum = reader.number(bits)
    maximum = reader.number(bits) if flags & 1 else None
    page = 1 << min(reader.number(), 16) if flags & 8 else PAGE
    return MemoryType(minimum, maximum, bool(flags & 2), bool(flags & 4), page)
