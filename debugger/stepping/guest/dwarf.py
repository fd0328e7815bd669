"""DWARF in a module: the source lines of places in its code, with the functions inlined there.

The door to pyelftools. It runs in a process of its own (reader.py), with bounds on time and memory:
DWARF comes with modules of anybody, and pyelftools believes what it reads.

Rule 1: addresses in DWARF count from the beginning of the code section's content. Rule 2: what the
linker has thrown away stands at 0 or at the end of the address space, and is not looked at.
Source: yurydelendik.github.io/webassembly-dwarf; DWARF 5, sections 2.17, 3.3.8 and 6.2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from posixpath import join
from typing import Any

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry

from debugger.stepping.guest.line import Line
from wasm_filters.inspection.sections import sections

MAX_INLINED = 50  # functions in one another at one place
MAX_TEXT = 500  # characters of a function's or a file's name
_CODE = 10
_ADDRESS_SIZE = 4
_TOMBSTONES = 2  # the last addresses: -1, and -2 in lists of ranges, where -1 means something else
_SCOPES = ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine")
_NAMED = (
    *_SCOPES, "DW_TAG_namespace", "DW_TAG_structure_type", "DW_TAG_class_type",
    "DW_TAG_union_type", "DW_TAG_enumeration_type",
)  # fmt: skip
_ORIGINS = ("DW_AT_abstract_origin", "DW_AT_specification")
_MAX_ORIGINS = 8  # DIEs that are asked for a name, each referring to the next

Range = tuple[int, int]


def lines_at(code: bytes, offsets: Iterable[int]) -> dict[int, list[Line]]:
    """For each offset in the module that DWARF knows: the innermost function's line first, and
    then that of each caller that it is inlined in. Raises whatever is wrong with the DWARF."""
    base = next(section.start for section in sections(code) if section.id == _CODE)
    wanted = sorted(offset - base for offset in offsets)
    found: dict[int, list[Line]] = {}
    for unit in _information(code).iter_CUs():
        here = _within(wanted, _ranges(unit, unit.get_top_DIE()))
        if here:
            for address, lines in _Unit(unit).lines_at(here):
                found[base + address] = lines
    return found


def _information(code: bytes) -> DWARFInfo:
    contents = {
        section.name: code[section.start : section.end]
        for section in sections(code)
        if section.id == 0
    }

    def part(name: str) -> DebugSectionDescriptor | None:
        content = contents.get(f".debug_{name}")
        if content is None:
            return None
        return DebugSectionDescriptor(BytesIO(content), name, 0, len(content), 0)

    return DWARFInfo(
        config=DwarfConfig(True, "wasm", _ADDRESS_SIZE),
        debug_info_sec=part("info"), debug_aranges_sec=None, debug_abbrev_sec=part("abbrev"),
        debug_frame_sec=None, eh_frame_sec=None, debug_str_sec=part("str"),
        debug_loc_sec=part("loc"), debug_ranges_sec=part("ranges"), debug_line_sec=part("line"),
        debug_pubtypes_sec=None, debug_pubnames_sec=None, debug_addr_sec=part("addr"),
        debug_str_offsets_sec=part("str_offsets"), debug_line_str_sec=part("line_str"),
        debug_loclists_sec=part("loclists"), debug_rnglists_sec=part("rnglists"),
        debug_sup_sec=None, gnu_debugaltlink_sec=None, debug_types_sec=None,
    )  # fmt: skip


def _within(wanted: Sequence[int], ranges: Sequence[Range]) -> list[int]:
    """Those of ``wanted``, which are sorted, that lie in one of the ranges."""
    if len(ranges) == 1:
        ((start, end),) = ranges
        return list(wanted[bisect_left(wanted, start) : bisect_left(wanted, end)])
    return sorted({one for each in ranges for one in _within(wanted, [each])})


def _ranges(unit: CompileUnit, die: DIE) -> list[Range]:
    """The code of a unit or function."""
    low = die.attributes.get("DW_AT_low_pc")
    if "DW_AT_ranges" in die.attributes:
        return [one for one in _listed(unit, die) if _is_there(one[0])]
    high = die.attributes.get("DW_AT_high_pc")
    if low is None or high is None or not _is_there(low.value):
        return []
    is_address = high.form.startswith("DW_FORM_addr")
    return [(low.value, high.value if is_address else low.value + high.value)]


def _is_there(address: int) -> bool:
    return 0 < address < (1 << 8 * _ADDRESS_SIZE) - _TOMBSTONES


def _listed(unit: CompileUnit, die: DIE) -> Iterator[Range]:
    lists = unit.dwarfinfo.range_lists()
    if lists is None:
        return
    top = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    base = top.value if top is not None else 0
    for entry in lists.get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, unit):
        if isinstance(entry, BaseAddressEntry):
            base = entry.base_address
        else:
            start = 0 if entry.is_absolute else base
            yield start + entry.begin_offset, start + entry.end_offset


@dataclass(frozen=True, slots=True)
class _Scope:
    """A function, or one that was inlined: then the line of the call is known."""

    name: str
    call_file: int | None
    call_line: int
    call_column: int


class _Unit:
    """One unit of compilation, some of whose code is asked for."""

    def __init__(self, unit: CompileUnit) -> None:
        self._unit = unit
        self._names: dict[int, str] = {}  # of DIEs, by where they stand
        program: Any = unit.dwarfinfo.line_program_for_CU(unit)
        folder = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
        around = _text(folder.value) if folder is not None else ""
        self._files = _files(program, around) if program is not None else []
        self._version = program["version"] if program is not None else 0
        self._rows = _Rows(program)

    def lines_at(self, addresses: Sequence[int]) -> Iterator[tuple[int, list[Line]]]:
        scopes = self._scopes(addresses)
        for address in addresses:
            row = self._rows.at(address)
            if row is not None:
                yield address, list(self._lines(row, scopes[address]))

    def _lines(self, row: Sequence[int], scopes: Sequence[_Scope]) -> Iterator[Line]:
        """From the innermost out: where one is inlined, its caller is at the line of the call."""
        file: int | None
        _, file, line, column = row
        if not scopes:
            yield Line("", self._file(file), line, column)
        for scope in reversed([*scopes[:1], *scopes[1:][-MAX_INLINED:]]):
            yield Line(scope.name[:MAX_TEXT], self._file(file), line, column)
            file, line, column = scope.call_file, scope.call_line, scope.call_column

    def _file(self, number: int | None) -> str:
        at = -1 if number is None else number - (self._version < 5)
        return self._files[at][:MAX_TEXT] if 0 <= at < len(self._files) else ""

    def _scopes(self, addresses: Sequence[int]) -> Mapping[int, list[_Scope]]:
        """Around each address, outermost first: a DIE comes before those that it contains."""
        found: dict[int, list[DIE]] = {address: [] for address in addresses}
        parents: list[str] = []  # qualified names of what the DIEs stand in
        for die in _dies(self._unit):
            if die.is_null():
                parents = parents[:-1]
                continue
            name = self._note_name(die, parents)
            if die.tag in _SCOPES:
                for address in _within(addresses, _ranges(self._unit, die)):
                    found[address].append(die)
            if die.has_children:
                parents.append(name)
        return {at: [self._scope(die) for die in dies] for at, dies in found.items()}

    def _note_name(self, die: DIE, parents: Sequence[str]) -> str:
        """The qualified name of what can be part of one."""
        around = parents[-1] if parents else ""
        if die.tag not in _NAMED:
            return around
        attribute = die.attributes.get("DW_AT_name")
        if attribute is None:
            return around
        own = attribute.value.decode("utf-8", "backslashreplace")
        name = f"{around}::{own}" if around else own
        if die.tag == "DW_TAG_subprogram":
            self._names[die.offset] = name
        return name[: MAX_TEXT * 2]

    def _scope(self, die: DIE) -> _Scope:
        def number(name: str) -> int | None:
            attribute = die.attributes.get(name)
            return None if attribute is None else int(attribute.value)

        file, line = number("DW_AT_call_file"), number("DW_AT_call_line")
        return _Scope(self._name(die), file, line or 0, number("DW_AT_call_column") or 0)

    def _name(self, die: DIE) -> str:
        for _ in range(_MAX_ORIGINS):
            if die.offset in self._names:
                return self._names[die.offset]
            origin = next((name for name in _ORIGINS if name in die.attributes), None)
            if origin is None:
                break
            die = die.get_DIE_from_attribute(origin)
        attribute = die.attributes.get("DW_AT_name")
        return attribute.value.decode("utf-8", "backslashreplace") if attribute is not None else ""


def _dies(unit: CompileUnit) -> Iterator[DIE]:
    """The DIEs of a unit as they stand there, each tree ended by a null: none of them is kept."""
    stream = unit.dwarfinfo.debug_info_sec.stream  # type: ignore[union-attr]  # it has a unit
    at, end = unit.cu_die_offset, unit.cu_offset + unit.size
    while at < end:
        die = DIE(unit, stream, at)
        yield die
        at += die.size


class _Rows:
    """A line table: sequences of rows (address, file, line, column), each with an end."""

    def __init__(self, program: Any) -> None:
        self._sequences: list[tuple[int, int, list[tuple[int, int, int, int]]]] = []
        rows: list[tuple[int, int, int, int]] = []
        for entry in program.get_entries() if program is not None else ():
            state = entry.state
            if state is None:
                continue
            if not state.end_sequence:
                rows.append((state.address, state.file, state.line, state.column))
                continue
            if rows and _is_there(rows[0][0]):
                self._sequences.append((rows[0][0], state.address, rows))
            rows = []
        self._sequences.sort(key=lambda sequence: sequence[0])
        self._starts = [start for start, _, _ in self._sequences]

    def at(self, address: int) -> tuple[int, int, int, int] | None:
        which = bisect_right(self._starts, address) - 1
        if which < 0:
            return None
        _, end, rows = self._sequences[which]
        found = bisect_right(rows, address, key=lambda row: row[0]) - 1
        return rows[found] if found >= 0 and address < end else None


def _files(program: Any, around: str) -> list[str]:
    """The files of a line table by their numbers; in DWARF 5 these begin with 0, before with 1.

    ``around`` is the folder of the compilation: what is relative stands in there.
    """
    header = program.header
    if header["version"] >= 5:
        folders = [_text(one.DW_LNCT_path) for one in header["directories"]]
        named = [(_text(one.DW_LNCT_path), one.DW_LNCT_directory_index)
                 for one in header["file_names"]]  # fmt: skip
    else:
        folders = ["", *map(_text, header["include_directory"])]
        named = [(_text(one.name), one.dir_index) for one in header["file_entry"]]
    return [join(around, folders[at] if at < len(folders) else "", name) for name, at in named]


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")
