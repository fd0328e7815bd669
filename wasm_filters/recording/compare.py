"""Where a replay departs from its recording: the first call that is another, and its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import zip_longest
from typing import Any

from wasm_filters.errors import GuestStopped
from wasm_filters.recording.lines import EventData, OutcomeData
from wasm_filters.recording.masks import Masked
from wasm_filters.tracing.changes import Change
from wasm_filters.tracing.event import Event
from wasm_filters.tracing.revive import revived
from wasm_filters.tracing.text import lines

AROUND = 2  # calls that are shown before and after the first that is another
MAX_LOGS = 20  # lines of difference in the logs


@dataclass(frozen=True, slots=True)
class Departure:
    """The first call that is another one, in the ``step``-th step, the ``at``-th of its events.

    ``hostcall`` is its number among all hostcalls of the recording, from 1. ``expected`` and
    ``came`` are the two calls, None where there was none any more; ``shown`` are the lines around
    them, with - before those of the recording and + before those of the replay.
    """

    step: int
    at: int
    hostcall: int
    callback: str
    expected: EventData | None
    came: EventData | None
    shown: tuple[str, ...]


def departure(
    step: int, before: int, recorded: Sequence[EventData], replayed: Sequence[EventData],
    masked: Masked,
) -> Departure | None:  # fmt: skip
    """Where the events of one step part; ``before``: how many hostcalls there were in front."""
    hostcalls, callback = before, ""
    for at, (expected, came) in enumerate(zip_longest(recorded, replayed)):
        one = expected or came
        assert one is not None
        hostcalls += not one.is_callback
        callback = one.call if one.is_callback else one.inside
        if expected is None or came is None or not _same(expected, came, masked):
            shown = tuple(_around(recorded, replayed, at, expected, came))
            return Departure(step, at, hostcalls, callback, expected, came, shown)
    return None


def _same(expected: EventData, came: EventData, masked: Masked) -> bool:
    return expected == came or masked.same(expected.model_dump(), came.model_dump())


def _around(
    recorded: Sequence[EventData], replayed: Sequence[EventData], at: int,
    expected: EventData | None, came: EventData | None,
) -> Iterator[str]:  # fmt: skip
    first, last = max(0, at - AROUND), at + AROUND + 1
    old, new = (list(lines(_events(some[first:last]))) for some in (recorded, replayed))
    found = list(unified_diff(old, new, lineterm="", n=len(old)))
    yield from (f"{line[:1]} {line[1:]}" for line in found[2:] if not line.startswith("@@"))
    if not found and expected is not None and came is not None:
        for part in ("arguments", "results", "context", "depth", "plugin", "later"):
            if getattr(expected, part) != getattr(came, part):
                yield f"  {expected.call}: {part} differ beyond what is shown"


def _events(events: Sequence[EventData]) -> list[Event]:
    margin = min((event.depth for event in events), default=0)
    return [_event(event, margin) for event in events]


def _event(data: EventData, margin: int) -> Event:
    event = revived(data.call, data.inside, data.arguments, data.results)
    failure = GuestStopped(data.call, data.failure) if data.failure is not None else None
    return replace(
        event,
        plugin=data.plugin,
        context=data.context,
        depth=data.depth - margin,
        later=data.later,
        answer=data.answer,
        failure=failure,
    )


def differences(expected: OutcomeData, came: OutcomeData, masked: Masked) -> Iterator[Change]:
    """What came of a step, where it is not the same."""
    if expected == came or masked.same(expected.model_dump(), came.model_dump()):
        return
    yield from _parts("response", expected.response, came.response)
    yield from _parts("upstream", expected.request, came.request)
    for name in ("local_reply", "details", "paused", "reset", "failure"):
        yield from _changed(name, "", getattr(expected, name), getattr(came, name))
    old = [f"{log.level.name.lower()}: {log.message}" for log in expected.logs]
    new = [f"{log.level.name.lower()}: {log.message}" for log in came.logs]
    yield from _logs(old, new)
    for name in sorted({*expected.metrics, *came.metrics}):
        yield from _changed("metric", name, expected.metrics.get(name), came.metrics.get(name))


def _logs(old: list[str], new: list[str]) -> Iterator[Change]:
    changed = [line for line in unified_diff(old, new, lineterm="", n=0) if line[:2] != "@@"][2:]
    for line in changed[:MAX_LOGS]:
        text = line[1:]
        yield Change("log", "", *((text, None) if line[0] == "-" else (None, text)))


def _parts(what: str, expected: Any, came: Any) -> Iterator[Change]:
    """The parts of a request or response."""
    if expected is None or came is None:
        yield from _changed(what, "", expected and "one", came and "one")
        return
    for name in type(expected).model_fields:
        old, new = getattr(expected, name), getattr(came, name)
        if name in ("headers", "trailers"):
            yield from _fields(f"{what} {name}", old, new)
        else:
            yield from _changed(what, name, old, new)


def _fields(
    what: str, old: list[tuple[bytes, bytes]], new: list[tuple[bytes, bytes]]
) -> Iterator[Change]:
    before, after = dict(old), dict(new)
    for name in {**before, **after}:
        text = name.decode("utf-8", "backslashreplace")
        yield from _changed(what, text, before.get(name), after.get(name))
    if sorted(old) != sorted(new) and before == after:
        yield Change(what, "", old, new)


def _changed(what: str, name: str, before: object, after: object) -> Iterator[Change]:
    if before != after:
        yield Change(what, name, before, after)
