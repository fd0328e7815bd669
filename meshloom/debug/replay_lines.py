"""What a replay looks like: as lines for people, as JSON for programs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from debugger.replay.replays import Replay
from debugger.replay.request.edit import Edit
from debugger.replay.spread import Spread
from tap.compare import Comparison, Difference
from tap.lines import NO_RESPONSE, milliseconds, printable, route

if TYPE_CHECKING:
    from mesh_traffic import Exchange

MAX_LINES = 40  # differences that are shown to people; --json has all
NONE = "–"


def lines(replays: Sequence[Replay], edit: Edit) -> Iterator[str]:
    """Of one exchange's replays, safe for a terminal."""
    first = replays[0]
    yield heading(first.original)
    yield from _about(first, edit)
    if len(replays) == 1:
        yield from _one(first)
        for service, before, now in first.other_versions():
            if first.seen is None or service != first.seen.service:  # told with the answer
                yield _row("version", f"{service} {' '.join(before)} → {' '.join(now)}")
        yield from differences(first.comparison)
    else:
        yield from _many(Spread.of(replays))
    yield from _where(first, len(replays))


def heading(exchange: Exchange) -> str:
    """The captured exchange in a line."""
    request, status = exchange.request, exchange.status
    told = f"{exchange.id}   {route(exchange)}   {request.method} {request.path}"
    answer = NO_RESPONSE if status is None else str(status)
    return printable(f"{told}   {answer}   {milliseconds(exchange.duration)}")


def _about(replay: Replay, edit: Edit) -> Iterator[str]:
    yield _row("sent to", f"{replay.target.words}, {replay.target.address}")
    if changed := ", ".join(edit.words()):
        yield _row("changed", changed)
    if left_out := ", ".join(replay.sent.left_out):
        yield _row("left out", left_out)


def _one(replay: Replay) -> Iterator[str]:
    answer = replay.answer
    if answer.response is None:
        yield _row("answered", f"not: {answer.error}")
        return
    by = ""
    if replay.seen is not None:
        before, now = str(replay.original.destination), replay.version
        by = f"   by {now}" + ("" if before == now else f", not {before}")
    yield _row("answered", f"{answer.response.status}   {milliseconds(answer.seconds)}{by}")


def differences(comparison: Comparison) -> Iterator[str]:
    """A line each, and what is ignored by the rules in one."""
    found = comparison.differences
    if not found:
        yield _row("differs", "nothing")
    width = max((len(each.place) for each in found[:MAX_LINES]), default=0)
    for at, each in enumerate(found[:MAX_LINES]):
        yield _row("differs" if at == 0 else "", f"{each.place:{width}}   {_change(each)}")
    if len(found) > MAX_LINES:
        yield _row("", f"… and {len(found) - MAX_LINES:,} more, see --json")
    if comparison.ignored:
        yield _row("ignored", _counted(each.ignored for each in comparison.ignored))
    for note in comparison.notes:
        yield _row("note", note)


def _change(each: Difference) -> str:
    before, after = (NONE if side is None else side for side in (each.before, each.after))
    return f"{before} → {after}"


def _counted(words: Iterable[str]) -> str:
    """``times ×3   header:date``."""
    counts = Counter(words)
    return "   ".join(f"{word} ×{n}" if n > 1 else word for word, n in counts.most_common())


def _many(spread: Spread) -> Iterator[str]:
    yield _row(f"{spread.times:,} times", _shares(spread.statuses))
    yield _row("by", _shares(spread.versions))
    fastest, middle, slowest = map(milliseconds, spread.seconds)
    yield _row("took", f"{fastest} to {slowest}, median {middle}")
    if not spread.differing:
        yield _row("differ", "none")
        return
    yield _row("differ", f"{spread.differing:,} of {spread.times:,}")
    for place, count in spread.places.most_common(MAX_LINES):
        yield _row("", f"{place} ×{count:,}")


def _shares(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    return "   ".join(f"{word} ×{count:,}" for word, count in ordered)


def _where(first: Replay, times: int) -> Iterator[str]:
    one = " of the first" if times > 1 else ""
    if first.seen is not None:
        yield _row("see", f"meshloom tap tree {first.seen.id}{one}")
    yield _row("id", f"x-request-id {first.request_id}{one}")


def _row(name: str, text: str) -> str:
    return printable(f"  {name:<9}  {text}").rstrip()


def to_json(replays: Sequence[Replay]) -> dict[str, Any]:
    """Of one exchange's replays."""
    first = replays[0]
    return {
        "id": first.original.id,
        "status": first.original.status,
        "version": str(first.original.destination),
        "to": first.target.words,
        "address": first.target.address,
        "left_out": dict(first.sent.left_out),
        "replays": [_to_json(each) for each in replays],
        "versions": _listed(first.versions_before),
        "spread": Spread.of(replays).as_json(),
    }


def _to_json(replay: Replay) -> dict[str, Any]:
    response = replay.answer.response
    return {
        "request_id": replay.request_id,
        "id": replay.seen.id if replay.seen else None,
        "status": response.status if response else None,
        "version": replay.version or None,
        "versions": _listed(replay.versions),
        "milliseconds": round(replay.answer.seconds * 1000, 3),
        "error": replay.answer.error or None,
        **replay.comparison.as_json(),
    }


def _listed(versions: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {service: list(them) for service, them in versions.items()}
