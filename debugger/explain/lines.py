"""An explanation as lines for people: what was decided, on what, why, and by which line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from debugger.explain.explanation import Explanation
from debugger.explain.observed import Observed
from debugger.explain.upstream.target import Target
from debugger.explain.way import Derived, Step, Way
from debugger.routing.decision import (
    Decision,
    Forward,
    NonForwarding,
    NoRoute,
    Redirect,
    Respond,
    RouteLook,
    Unread,
)
from tap.printable import printable

MAX_ROUTES = 12  # that did not match and are shown; how many more there are is said
MAX_HOSTS = 4  # of a cluster
MAX_CELL = 60  # characters; longer ones push their line, not the column
_WIDTHS = (13, 24, 30)
AGREE = "derived and observed agree"


def lines(it: Explanation) -> Iterator[str]:
    """All of it, safe for a terminal."""
    yield printable(_head(it))
    yield from _table(list(steps(it)))
    for note in it.notes:
        yield printable(f"note: {note}")
    yield from _verdict(it)


def _head(it: Explanation) -> str:
    request = it.asked.request
    what = f"{request.method} {request.path}".strip() if not it.asked.opaque else "a connection"
    at = " ".join(part for part in (it.served.node, it.asked.direction) if part)
    port = it.asked.connection.port
    ports = (port,) if port is not None else it.ports
    named = [each for each in ports if request.authority.endswith(f":{each}")]
    shown = named or ports[:1]
    where = f", 127.0.0.1:{shown[0]}" if shown else ""
    more = f" or {len(ports) - 1} more" if not named and len(ports) > 1 else ""
    return f"{what} at {at}{where}{more}"


def steps(it: Explanation) -> Iterator[Step]:
    """The chain: what was derived, and of what chance decided what was observed."""
    derived = it.derived
    if derived is not None:
        yield from derived.steps
        if derived.closed:
            yield Step("connection", "closed", derived.closed)
        if derived.decision is not None:
            yield from _routes(derived.decision, derived, _taken(it))
    way = it.ways[0] if it.ways else None
    if way is not None:
        yield from _filters(way)
        yield from _action(way)
        yield from _upstream(way, it.observed)
    if it.observed is not None:
        yield _answer(it.observed, way)
    elif way is not None and (status := way.status) is not None:
        yield Step("answer", str(status), "by Envoy, nothing is sent upstream")


def _taken(it: Explanation) -> RouteLook | None:
    """The route that was observed, among those that are possible."""
    way = it.ways[0] if it.ways and it.observed is not None and it.observed.logged else None
    return way.look if way is not None else None


def _routes(decision: Decision, derived: Derived, taken: RouteLook | None) -> Iterator[Step]:
    table, host = derived.table, decision.host
    if host is not None:
        place = table.place(host.path) if table else ""
        yield Step("virtual host", host.name, decision.host_why, place)
    elif isinstance(decision.action, NoRoute):
        yield Step("virtual host", "none", decision.host_why, table.place() if table else "")
    looked = decision.looked if taken is None else decision.looked[: taken.index + 1]
    hidden = 0
    for i, look in enumerate(looked):
        if look.holds is False and MAX_ROUTES <= i < len(looked) - 1:
            hidden += 1
            continue
        if hidden:
            yield Step("…", f"{hidden:,} more routes", "no")
            hidden = 0
        yield _route(look, table.place(look.path) if table else "", taken)


def _route(look: RouteLook, place: str, taken: RouteLook | None) -> Step:
    what = f"route {look.index + 1}"
    failed = look.failed
    if failed is not None:
        return Step(what, failed.text, f"no: {failed.why}", place)
    wanted = " and ".join(each.text for each in look.conditions)
    if look.holds:
        return Step(what, wanted, "yes", place)
    why = " and ".join(each.why for each in look.doubtful)
    seen = "" if taken is None else "taken, " if taken is look else "not taken, "
    return Step(what, wanted, f"{seen or 'perhaps: '}{why}", place)


_DOES = {True: "passes", False: "answers", None: "may answer"}


def _filters(way: Way) -> Iterator[Step]:
    for each in way.filters:
        if each.quiet:
            continue
        does = _DOES[each.passes]
        if each.delays is not False and each.passes is not False:
            does = "delays" if each.delays else "may delay"
        yield Step("filter", f"{each.name}: {does}", each.why, each.place)


def _action(way: Way) -> Iterator[Step]:
    action = way.action
    if way.stopped is not None:
        return
    if isinstance(action, Redirect):
        yield Step("redirect", action.location or "somewhere", action.why, way.place)
    elif isinstance(action, Respond):
        yield Step("response", str(action.status), action.why or "the route answers", way.place)
    elif isinstance(action, NoRoute | Unread):
        yield Step("route", "none", action.why, way.place)
    elif isinstance(action, NonForwarding):
        yield Step("route", "ends here", "a gRPC server takes it; an Envoy answers 503", way.place)
    for cluster, place in way.mirrors:
        yield Step("mirror", cluster, "gets a copy, whose answer nobody waits for", place)


def _upstream(way: Way, observed: Observed | None) -> Iterator[Step]:
    if way.stopped is not None or not way.forwards:
        return
    chosen = [each for each in way.targets if observed and each.name == observed.cluster]
    targets = chosen or list(way.targets)
    for each in targets:
        yield _cluster(way, each)
    if way.unsure:
        yield Step("cluster", "not known", way.unsure, way.place)
    if observed is not None and "UO" in observed.flags and not observed.sent:
        yield _overflow(targets)
    else:
        yield from (_endpoint(each, observed if chosen else None) for each in targets)
    yield from _patience(way, observed)


def _cluster(way: Way, it: Target) -> Step:
    why = "the only one"
    if it.total != it.weight:
        by = way.action.why if isinstance(way.action, Forward) else ""
        why = f"{it.weight:,} of {it.total:,}: {by}" if by else f"{it.weight:,} of {it.total:,}"
    return Step("cluster", it.name or "none", why if it.found else it.why, it.chosen or way.place)


def _endpoint(it: Target, observed: Observed | None) -> Step:
    place = it.lines.get("endpoints", "")
    if it.choosable is None or not it.found:
        found = observed.upstream if observed and observed.upstream else "not known"
        return Step("endpoint", found, it.why, place)
    count = len(it.choosable)
    how = f"of {count}, {it.policy}" if count > 1 else "the only one"
    why = ", ".join(part for part in (how if count else "", it.why) if part)
    if observed is not None and observed.upstream:
        return Step("endpoint", observed.upstream, why, place)
    shown = " or ".join(it.choosable[:MAX_HOSTS])
    more = f" or {count - MAX_HOSTS} more" if count > MAX_HOSTS else ""
    return Step("endpoint", f"{shown}{more}" or "none", why, place)


def _overflow(targets: Sequence[Target]) -> Step:
    it = targets[0]
    limits = it.limits or {"max_requests": it.limit("max_requests")}
    said = ", ".join(f"{name} {value:,}" for name, value in limits.items())
    return Step("endpoint", "none", f"circuit breaker open: {said}", it.lines["circuit_breakers"])


def _patience(way: Way, observed: Observed | None) -> Iterator[Step]:
    it = way.patience
    if it is None:
        return
    if it.retries or (observed and observed.attempts > 1):
        most = f"at most {it.tries}"
        found = f"{observed.attempts} of {most}" if observed and observed.attempts else most
        why = f"again on {', '.join(it.retry_on)}" if it.retry_on else "the route does not retry"
        each = f", {it.per_try:g} s each" if it.per_try else ""
        yield Step("tries", found, why + each, it.retries_place)
    if it.timeout is not None:
        own = "for the whole answer" if it.given else "Envoy's own, as nothing else is said"
        yield Step("timeout", f"{it.timeout:g} s", own, it.timeout_place if it.given else "")
    if it.longest is not None:
        yield Step("timeout", f"{it.longest:g} s", "for the whole stream", way.place)


def _answer(observed: Observed, way: Way | None) -> Step:
    status = str(observed.status) if observed.status is not None else "none"
    flags = ", ".join(observed.flag_words)
    said = [observed.words or (f"details {observed.details!r}" if observed.details else "")]
    if observed.logged and not observed.sent:
        said.append("nothing was sent upstream")
    why = ", ".join(part for part in (flags, *said) if part)
    return Step("answer", " ".join((status, *observed.flags)), why)


def _verdict(it: Explanation) -> Iterator[str]:
    if it.derived is None:
        yield "nothing could be derived, so nothing is compared"
    elif it.observed is None:
        yield f"derived from version {it.served.version}; nothing was sent"
    elif not it.checks:
        yield "nothing that was observed can be compared"
    elif it.agree:
        yield AGREE
    for each in it.divergences:
        yield printable(f"✗ {each.what}   derived {each.derived}   observed {each.observed}")
    if it.divergences:
        yield f"derived and observed differ in {len(it.divergences)} of {len(it.checks)}"


def _table(found: Sequence[Step]) -> Iterator[str]:
    rows = [(each.what, each.found, each.why, each.place) for each in found]
    widths = [
        max([least, *(len(row[at]) for row in rows if len(row[at]) <= MAX_CELL)])
        for at, least in enumerate(_WIDTHS)
    ]
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        yield printable("  " + "  ".join((*cells, row[3]))).rstrip()
