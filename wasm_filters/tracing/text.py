"""A trace as text, to be read and to be compared: the same calls are always the same lines.

One ``==>`` line per call, one ``<==`` line per answer, each call indented under the one that it
was made in. ``+``, ``-`` and ``~`` lines tell what a callback has changed, ``---`` lines that time
has passed. With several plugins, each callback's line starts with the name of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from wasm_filters.tracing.event import Event
from wasm_filters.tracing.values import shown

INDENT = "      "
_SECOND = 1_000_000_000


def lines(events: Sequence[Event]) -> Iterator[str]:
    """The text of events, line by line; they are in the order in which they began."""
    several = len({event.plugin for event in events if event.is_callback}) > 1
    running: list[Event] = []
    for event in events:
        while running and running[-1].depth >= event.depth:
            yield from _closed(running.pop())
        yield from _opened(event, several)
        running.append(event)
    for event in reversed(running):
        yield from _closed(event)


def _opened(event: Event, several: bool) -> Iterator[str]:
    indent = INDENT * event.depth
    if event.later:
        yield f"{indent}--- {event.later / _SECOND:.9g} s later"
    name = f"{event.plugin}: " if several and event.is_callback else ""
    yield f"{indent}{name}{call_line(event)}"


def call_line(event: Event) -> str:
    return f"==> {event.name}({_listed(event.arguments, event.bare)})"


def answer_line(event: Event) -> str:
    """What came back; ``""`` if nothing did, and nothing says why."""
    if event.failure is not None:
        return f"<== stopped: {event.failure.reason}"
    if event.answer is None:
        return ""
    return f"<== {event.answer} {_results(event.results)}".rstrip()


def _closed(event: Event) -> Iterator[str]:
    indent = INDENT * event.depth
    for change in event.changes:
        yield f"{indent}{INDENT}{change}"
    answer = answer_line(event)
    if answer:
        yield f"{indent}{answer}"
    if event.failure is not None:
        yield from (f"{indent}{INDENT}{line}" for line in event.failure.backtrace.splitlines())


def _results(results: Mapping[str, object]) -> str:
    return " ".join(shown(value) for value in results.values())


def _listed(values: Mapping[str, object], bare: bool) -> str:
    items: Iterable[str] = (
        (shown(value) for value in values.values())
        if bare
        else (f"{name}={shown(value)}" for name, value in values.items())
    )
    return ", ".join(items)
