"""Whether a check holds, why not, and which routes all of them together have reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from debugger.routing.arriving.arrival import StreamInfo
from debugger.routing.checks.check import Check
from debugger.routing.checks.entries import Entry
from debugger.routing.decision import (
    Action,
    Decision,
    Forward,
    NonForwarding,
    Redirect,
    Unread,
)
from debugger.routing.table import Route
from debugger.routing.words import outcome, wanted

PLAIN = StreamInfo(tls=False, runtime={})  # the mesh's entries have no TLS, its Envoys no runtime


@dataclass(frozen=True, slots=True)
class Verdict:
    """``failures`` say what was expected and what came of it, a line each."""

    check: Check
    decision: Decision
    failures: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.failures


def judge(check: Check) -> Verdict:
    """Whether it holds, whatever chance and what is not known decide.

    The decision shows every route where it does not; else, only those that may be taken.
    """
    entry = check.entry
    decision = entry.table.decide(check.request, entry.manager, PLAIN, brief=True)
    found = dict.fromkeys(
        failure for action in decision.possibilities for failure in _failures(check, action)
    )
    if found:
        decision = entry.table.decide(check.request, entry.manager, PLAIN)
    return Verdict(check, decision, tuple(found))


def _failures(check: Check, action: Action) -> Iterator[str]:
    came = outcome(action)
    sent = _sent(action)
    if check.cluster is not None and set(sent) != {check.cluster}:
        yield f"expected cluster {check.cluster}, got {came}"
    for cluster, bounds in check.shares.items():
        weight, total = sent.get(cluster, 0), sum(sent.values())
        share = 100 * weight / total if total else 0.0
        if not (total and bounds.hold(*((weight, total) if bounds.percent else (share, None)))):
            yield f"expected {bounds} of 100 for cluster {cluster}, got {came}"
    if check.redirect not in (None, action.location if isinstance(action, Redirect) else ""):
        yield f"expected a redirect to {check.redirect}, got {came}"
    if check.status is not None and check.status != _status(action):
        yield f"expected status {check.status}, got {came}"


def _sent(action: Action) -> Mapping[str, int]:
    """Weights by cluster."""
    found: dict[str, int] = {}
    for each in action.destinations if isinstance(action, Forward) else ():
        name = "?" if each.cluster is None else each.cluster
        found[name] = found.get(name, 0) + each.weight
    return found


def _status(action: Action) -> int | None:
    return None if isinstance(action, Forward | Unread | NonForwarding) else action.status


@dataclass(frozen=True, slots=True)
class Missed:
    """A route that no request has reached, whose it is, and the line that made it."""

    wanted: str
    caller: str
    place: str
    path: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of the tables that were asked: how many routes there are, and which no request reached.

    One line of a pattern that made the same route in several virtual hosts counts once.
    """

    routes: int
    missed: tuple[Missed, ...]

    @property
    def reached(self) -> int:
        return self.routes - len(self.missed)


def coverage(verdicts: Iterable[Verdict]) -> Coverage:
    """A route that chance may take counts as reached."""
    asked: dict[str, Entry] = {}
    reached: set[tuple[str, str]] = set()
    for verdict in verdicts:
        entry, decision = verdict.check.entry, verdict.decision
        asked[entry.name] = entry
        reached |= {(entry.name, look.path) for look in decision.looked if look.holds is not False}
    missed: dict[tuple[str, str], Missed] = {}
    found: set[tuple[str, str]] = set()
    for entry, route in _routes(asked.values()):
        place = entry.place_of(route.path) or entry.name
        key = place, wanted(route)
        if (entry.name, route.path) in reached:
            found.add(key)
        missed.setdefault(key, Missed(key[1], entry.caller, place, route.path))
    left = tuple(each for key, each in missed.items() if key not in found)
    return Coverage(len(missed), left)


def _routes(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Route]]:
    for entry in entries:
        for host in entry.table.hosts:
            yield from ((entry, route) for route in host.routes)
