"""What Envoy's log says of its VMs: every callback and hostcall as it was made, and the lines that
filters wrote themselves.

At level trace Envoy logs each crossing of the border (proxy-wasm-cpp-host, src/v8/v8.cc), and
everything that a worker logs during a request is in the order in which it happened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

# level, logger, thread, and the message as a JSON string: one line each, no loss
FORMAT = "[%l][%n][%t] %j"
TRACED = ("--component-log-level", "wasm:trace")

_LINE = re.compile(r"\[(\w+)\]\[([^\]]*)\]\[(\d+)\] (.*)")
_CALL = re.compile(r"\[(?:host->vm|vm->host)\] ([\w.]+)\((.*)\)")
_RETURN = re.compile(r"\[(?:host<-vm|vm<-host)\] [\w.]+ return: (.*)")
_INTO_VM = "[host->vm]"
CALLING_BACK = ("envoy_resolve_dns", "proxy_grpc_stream")  # hostcalls in which callbacks may run
_ALLOCATORS = ("malloc", "proxy_on_memory_allocate")  # called by the host inside of a hostcall


@dataclass(frozen=True, slots=True)
class Line:
    """One line of Envoy's log, its message as it was before it was made a line.

    ``thread`` is the one that wrote it: Envoy's main thread has VMs as well, whose timers run.
    """

    level: str
    logger: str
    message: str
    thread: str = ""

    def __str__(self) -> str:
        return f"[{self.level}][{self.logger}] {self.message}"


@dataclass(frozen=True, slots=True)
class Logged:
    """What a filter wrote. ``prefix`` is Envoy's: name, root_id and vm_id for a stream context,
    without the name for a root context.
    """

    prefix: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A call across the border. ``inside`` is the callback that made a hostcall, "" for a callback.

    ``result`` is None for a call that answers nothing, and for one that did not return.
    """

    name: str
    arguments: tuple[int, ...]
    inside: str = ""
    result: int | None = None
    returned: bool = False


def read_line(text: str) -> Line:
    """A line of the log; what is none, the output of an allocator say, has neither level nor
    logger.
    """
    match = _LINE.fullmatch(text)
    if match is None:
        return Line("", "", text)
    level, logger, thread, message = match.groups()
    return Line(level, logger, _unescaped(message), thread)


def _unescaped(message: str) -> str:
    try:
        return str(json.loads(f'"{message}"', strict=False))
    except ValueError:
        return message


def without(lines: Iterable[Line], callback: str) -> list[Line]:
    """The lines but for what happened inside of ``callback``, also of one that began before."""
    kept, inside = [], True
    for line in lines:
        match = _CALL.fullmatch(line.message) if line.logger == "wasm" else None
        if match and line.message.startswith(_INTO_VM) and match[1] not in _ALLOCATORS:
            inside = match[1] == callback
        if not inside:
            kept.append(line)
    return kept


def logged(lines: Iterable[Line], prefixes: Iterable[str]) -> list[Logged]:
    """What filters wrote, in order. ``prefixes`` are those that a line may have, besides none."""
    longest_first = sorted({"", *prefixes}, key=len, reverse=True)
    return [found for line in lines if (found := _logged(line, longest_first)) is not None]


def _logged(line: Line, prefixes: list[str]) -> Logged | None:
    if line.logger != "wasm" or not line.message.startswith("wasm log"):
        return None
    said = line.message.removeprefix("wasm log")
    for prefix in prefixes:
        start = f" {prefix}: " if prefix else ": "
        if said.startswith(start):
            return Logged(prefix, line.level, said.removeprefix(start))
    return None


def crossings(lines: Iterable[Line]) -> list[Crossing]:
    """Every callback and hostcall, in the order of their starts, without the host's allocations."""
    reader = _Crossings()
    for line in lines:
        if line.logger == "wasm":
            reader.read(line.message)
    return [made for made in reader.made if made.name not in _ALLOCATORS]


class _Crossings:
    """Pairs each call with its return; a trap leaves what was running without one."""

    def __init__(self) -> None:
        self.made: list[Crossing] = []
        self._running: list[int] = []  # places in `made`, outermost first

    def read(self, message: str) -> None:
        if match := _CALL.fullmatch(message):
            self._call(match[1].rpartition(".")[2], match[2], message.startswith(_INTO_VM))
        elif (match := _RETURN.fullmatch(message)) and self._running:
            at = self._running.pop()
            result = None if match[1] == "void" else int(match[1])
            self.made[at] = replace(self.made[at], result=result, returned=True)

    def _call(self, name: str, arguments: str, is_callback: bool) -> None:
        called = is_callback and name not in _ALLOCATORS
        if called and not self._calls_back():
            self._running.clear()
        callbacks = [self.made[at].name for at in self._running if not self.made[at].inside]
        inside = callbacks[-1] if callbacks and not called else ""
        numbers = tuple(int(each) for each in arguments.split(", ") if each)
        self._running.append(len(self.made))
        self.made.append(Crossing(name, numbers, inside))

    def _calls_back(self) -> bool:
        return bool(self._running) and self.made[self._running[-1]].name in CALLING_BACK
