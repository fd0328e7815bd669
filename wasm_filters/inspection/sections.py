"""The binary format, as far as one must know it to say what a module is: sections, one by one.

Nothing is compiled or run, so this also reads modules that would not load. Every length is checked
against what is left before it is believed, and no number makes anything larger than the module.
Source: WebAssembly core specification 3.0, "Binary Format": "Values", "Modules".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

MAGIC = b"\0asm"
VERSION = b"\x01\0\0\0"
COMPONENT_VERSION = b"\x0d\0\x01\0"
NAMES = (
    *("custom", "type", "import", "function", "table", "memory", "global"),
    *("export", "start", "element", "code", "data", "data count", "tag"),
)

T = TypeVar("T")


class SectionsError(Exception):
    """The bytes are not sections of a module; the message begins with where they stop to be."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"byte {at:#x}: {message}")


@dataclass(frozen=True, slots=True)
class Section:
    """One section: ``id`` as the specification counts them, ``name`` of a custom one.

    ``start`` and ``end`` are where its content lies in the module, without a custom one's name.
    """

    id: int
    name: str
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        if self.id == 0:
            return f"custom section {self.name!r}"
        return f"{NAMES[self.id]} section" if self.id < len(NAMES) else f"section {self.id}"


class Reader:
    """Reads values between ``at`` and ``end``; SectionsError where there is no such value."""

    def __init__(self, code: bytes, at: int = 0, end: int | None = None) -> None:
        self._code = code
        self.at = at
        self.end = len(code) if end is None else end

    @property
    def left(self) -> int:
        return self.end - self.at

    def byte(self) -> int:
        if not self.left:
            raise SectionsError(self.at, "ends early, expected a byte")
        self.at += 1
        return self._code[self.at - 1]

    def number(self, bits: int = 32) -> int:
        """An unsigned LEB128 number of at most ``bits`` bits."""
        start, value, shift = self.at, 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or (byte & 0x80 and shift >= bits):
                raise SectionsError(start, f"a number is too long for {bits} bits")
            if not byte & 0x80:
                return value

    def skip(self, size: int) -> int:
        """Leave out ``size`` bytes; where they begin."""
        if size > self.left:
            raise SectionsError(self.at, f"ends early: {size} bytes expected, {self.left} are left")
        self.at += size
        return self.at - size

    def text(self) -> str:
        """A name: its length, then UTF-8."""
        size = self.number()
        start = self.skip(size)
        try:
            return self._code[start : self.at].decode()
        except UnicodeDecodeError as error:
            raise SectionsError(start + error.start, "a name is not UTF-8") from error

    def part(self, size: int) -> Reader:
        """A reader of the next ``size`` bytes alone, which this one leaves out."""
        start = self.skip(size)
        return Reader(self._code, start, self.at)

    def items(self, read: Callable[[Reader], T]) -> list[T]:
        """A vector: how many there are, then each as ``read`` reads it."""
        start, count = self.at, self.number()
        if count > self.left:  # each takes a byte at least
            raise SectionsError(start, f"{count} entries can't lie in {self.left} bytes")
        return [read(self) for _ in range(count)]

    def finish(self, what: object) -> None:
        """Raise SectionsError if anything is left of ``what``."""
        if self.left:
            raise SectionsError(self.at, f"{self.left} bytes are left at the end of the {what}")


def sections(code: bytes) -> Iterator[Section]:
    """All sections of the module ``code`` in their order, whose first eight bytes are right."""
    reader = Reader(code, len(MAGIC) + len(VERSION))
    while reader.left:
        kind = reader.byte()
        content = reader.part(reader.number())
        name = content.text() if kind == 0 else ""
        yield Section(kind, name, content.at, content.end)


def function_names(code: bytes, section: Section) -> int:
    """How many functions the custom section ``name`` gives a name.

    SectionsError if it is damaged, which Envoy takes for a damaged module
    (proxy-wasm-cpp-host, src/bytecode_util.cc, getFunctionNameIndex).
    """
    reader, count = Reader(code, section.start, section.end), 0
    while reader.left:
        kind = reader.byte()
        part = reader.part(reader.number())
        if kind == 1:
            count += len(part.items(_named_index))
            part.finish("function names")
    return count


def _named_index(reader: Reader) -> None:
    reader.number()
    reader.skip(reader.number())


def producers(code: bytes, section: Section) -> dict[str, dict[str, str]]:
    """The custom section ``producers``: per field (``language``, ``processed-by``, ``sdk``) the
    version of each tool, by its name.

    https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md
    """
    reader = Reader(code, section.start, section.end)
    return dict(reader.items(_producer_field))


def _producer_field(reader: Reader) -> tuple[str, dict[str, str]]:
    return reader.text(), dict(reader.items(lambda part: (part.text(), part.text())))
