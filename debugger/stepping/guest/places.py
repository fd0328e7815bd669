"""Where the stops of a history are in the guests' source, as far as the modules say.

Door to the process that reads their DWARF.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debugger.stepping.guest import reader
from debugger.stepping.guest.functions import exported_functions
from debugger.stepping.guest.line import Line
from debugger.stepping.guest.names import demangled, short
from debugger.stepping.run.history import History
from debugger.stepping.run.stop import Kind, Stop
from wasm_filters.engine.apart import Bounds, run_apart
from wasm_filters.errors import Frame, ModuleError
from wasm_filters.inspection.sections import SectionsError, sections

MAX_OFFSETS = 5_000  # places that are looked for; the rest have no lines
MAX_TOLD = 200  # characters of what is wrong with DWARF
BOUNDS = Bounds(seconds=20.0, memory=1 << 30)
_DEBUG = {".debug_info", ".debug_abbrev", ".debug_line"}
_SCRIPT = Path(reader.__file__)


@dataclass(frozen=True, slots=True)
class Place:
    """One function of the guest that waits. ``lines`` begin with the innermost one that is inlined
    there, and end with that of the function itself; empty where DWARF says nothing."""

    function: str
    offset: int
    lines: tuple[Line, ...] = ()

    def __str__(self) -> str:
        """The innermost line, or else the function."""
        return str(self.lines[0]) if self.lines else f"{short(self.function)}   {self.offset:#x}"


class Source:
    """The source of one module. ``problem`` says why there are no lines, "" if there are."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._exports = exported_functions(code)
        self._lines: dict[int, tuple[Line, ...]] = {}
        self.problem = "the module has no debug information (DWARF)"

    def look_up(self, stops: Iterable[Stop]) -> None:
        """Find the lines of all that the stops of this module need. Once, before they are asked."""
        offsets = {frame.offset for stop in stops for frame in self._frames(stop)}
        if not offsets or not self._has_dwarf():
            return
        wanted = sorted(offsets)[:MAX_OFFSETS]
        try:
            asked = json.dumps(wanted).encode() + b"\n" + self._code
            found = run_apart("read", asked, BOUNDS, _SCRIPT)
        except ModuleError as error:
            self.problem = f"its debug information (DWARF) {_first_line(str(error))}"
            return
        self.problem = ""
        self._lines = {at: tuple(Line(*one) for one in lines) for at, lines in json.loads(found)}

    def _has_dwarf(self) -> bool:
        try:
            return {one.name for one in sections(self._code) if one.id == 0} >= _DEBUG
        except SectionsError:
            return False

    def places(self, stop: Stop) -> tuple[Place, ...]:
        """The guest's stack at a stop, innermost first; of a callback's beginning the function."""
        return tuple(self._place(frame) for frame in self._frames(stop))

    def _frames(self, stop: Stop) -> Sequence[Frame]:
        if stop.kind is not Kind.CALLBACK:
            return stop.frames
        begins = self._exports.get(stop.event.name)
        return () if begins is None else (Frame(stop.event.name, begins),)

    def _place(self, frame: Frame) -> Place:
        lines = self._lines.get(frame.offset, ())
        return Place(demangled(frame.function), frame.offset, lines)


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:MAX_TOLD].strip()


class Places:
    """The sources of all modules of a history, by the VM that runs them."""

    def __init__(self, sources: Mapping[int, Source]) -> None:
        self._sources = sources

    @classmethod
    def of(cls, history: History, codes: Mapping[str, bytes]) -> Places:
        """``codes`` are the bytes of modules by their hash; the lines are looked up now."""
        sources = {sha256: Source(code) for sha256, code in codes.items()}
        for sha256, source in sources.items():
            vms = {vm for vm, runs in history.vms.items() if runs == sha256}
            source.look_up(stop for stop in history.stops if stop.owner.vm in vms)
        running = history.vms.items()
        return cls({vm: sources[sha256] for vm, sha256 in running if sha256 in sources})

    def at(self, stop: Stop) -> tuple[Place, ...]:
        """The guest's stack, innermost first."""
        source = self._sources.get(stop.owner.vm)
        return source.places(stop) if source is not None else ()

    def own_line(self, stop: Stop) -> Line | None:
        """The innermost line there that is the filter's own, and not its libraries'."""
        lines = (line for place in self.at(stop) for line in place.lines)
        return next((line for line in lines if line.is_own), None)

    def problems(self) -> list[str]:
        """Why there are no lines, for each module that has none."""
        sources = dict.fromkeys(self._sources.values())
        return [source.problem for source in sources if source.problem]

    def as_json(self, stop: Stop) -> list[dict[str, Any]]:
        return [
            {
                "function": place.function,
                "offset": place.offset,
                "lines": [line._asdict() for line in place.lines],
            }
            for place in self.at(stop)
        ]
