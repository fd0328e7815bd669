"""A request explained: derived, observed, and whether the two agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from debugger.explain.arriving.asked import Asked
from debugger.explain.arriving.listening import Listening, listening, ports_of
from debugger.explain.arriving.routed import ORIGINAL_HOST, hosts_before
from debugger.explain.compare import Check, compare
from debugger.explain.derive import derive
from debugger.explain.observed import Observed
from debugger.explain.served import Served
from debugger.explain.way import Derived, Way
from mesh_traffic import replace as changed

_NO_HEADERS = "its headers were not captured, so what asks for them is left open"
FRESH = 0.5  # seconds after new config was served in which a node may still go by the old one


@dataclass(frozen=True, slots=True)
class Explanation:
    """``ways`` are the derived ones that fit what was observed; all, where nothing was.

    ``notes`` say what limits it. ``derived`` is ``None`` where it is not known what the node was
    served.
    """

    asked: Asked
    served: Served
    ports: tuple[int, ...] = ()
    derived: Derived | None = None
    observed: Observed | None = None
    checks: tuple[Check, ...] = ()
    ways: tuple[Way, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def divergences(self) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if not each.agrees)

    @property
    def agree(self) -> bool:
        """Nothing that both say differs."""
        return not self.divergences


def explain(
    served: Served, asked: Asked, observed: Observed | None = None, started: float | None = None
) -> Explanation:
    """``started``: when the request came, in seconds since the epoch.

    Of several listeners that may have taken it, the first counts that fits what was observed.
    Raises ``ServedError`` for resources that can't be read.
    """
    notes = tuple(_age(served, started)) if started is not None else ()
    if not served.known:
        return Explanation(asked, served, observed=observed, notes=notes)
    made = list(_possible(served, asked, observed, notes))
    if not made:
        where = f"port {asked.connection.port}" if asked.connection.port else "such a request"
        missing = (*notes, f"{served.node} was served no listener for {where}")
        return Explanation(asked, served, observed=observed, notes=missing)
    return next((each for each in made if each.agree), made[0])


def _possible(
    served: Served, asked: Asked, observed: Observed | None, notes: tuple[str, ...]
) -> Iterator[Explanation]:
    """As each listener would take it, and under each host that a route may have rewritten."""
    unseen = observed is not None and asked.unsure.of(ORIGINAL_HOST)
    for listener in listening(served, asked):
        found = _one(served, asked, observed, listener, notes)
        yield found
        if not unseen or found.agree or found.derived is None or found.derived.table is None:
            continue
        for host in hosts_before(found.derived.table.message, asked.request.authority):
            said = (*notes, f"the host was not captured as it came: taken for {host!r}")
            headers = asked.request.headers.replaced(ORIGINAL_HOST, host)
            other = replace(asked, request=changed(asked.request, headers=headers))
            yield _one(served, other, observed, listener, said)


def _one(
    served: Served,
    asked: Asked,
    observed: Observed | None,
    listener: Listening,
    notes: tuple[str, ...],
) -> Explanation:
    derived = derive(served, asked, listener)
    checks, ways = compare(derived, observed) if observed else ((), derived.ways)
    if asked.unsure.only is not None:
        notes = (*notes, _NO_HEADERS)
    changing = [each.name for way in ways for each in way.filters if each.changes]
    if any(not each.agrees for each in checks) and changing:
        names = ", ".join(dict.fromkeys(changing))
        notes = (*notes, f"filters that may change a request before it is routed: {names}")
    ports = ports_of(listener.piece.message)
    return Explanation(
        asked, served, ports, derived, observed, checks, ways, (*notes, *derived.notes)
    )


def _age(served: Served, started: float) -> list[str]:
    """What is to be said of the time between what was served and the request."""
    if not served.known:
        return ["what the node was served then is not remembered any more: nothing is derived"]
    found = []
    if served.until is not None:
        found.append(
            f"derived from version {served.version}, which was served then; another is now"
        )
    settled = served.since if served.settled is None else served.settled
    late = served.since is not None and started - served.since < FRESH
    if late or (settled is not None and started < settled):
        found.append(
            f"version {served.version} was new then: the node may have gone by the one before"
        )
    return found
