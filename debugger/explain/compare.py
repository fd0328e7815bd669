"""Derived and observed, side by side: does what happened belong to what could have happened?"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from debugger.explain.filters.verdict import Verdict
from debugger.explain.observed import Observed
from debugger.explain.way import Derived, Way
from debugger.routing.decision import NoRoute, Redirect, Respond


class Check(Struct, frozen=True):
    """One thing that both say. ``agrees`` is whether what was observed is among the derived."""

    what: str
    derived: str
    observed: str
    agrees: bool


def compare(derived: Derived, observed: Observed) -> tuple[tuple[Check, ...], tuple[Way, ...]]:
    """All that can be compared, and the ways that fit what was observed, most of all the first."""
    if derived.closed:
        return (Check("connection", derived.closed, observed.words or "a request", False),), ()
    if not derived.ways or not observed.logged:
        return (), derived.ways
    fitting = [
        each for each in derived.ways if all(check.agrees for check in _checks(each, observed))
    ]
    if fitting:
        return tuple(_checks(fitting[0], observed, _all_routes(derived))), tuple(fitting)
    nearest = min(
        derived.ways,
        key=lambda way: (
            way.route != observed.route,
            sum(not check.agrees for check in _checks(way, observed)),
        ),
    )
    return tuple(_checks(nearest, observed, _all_routes(derived))), (nearest,)


def _all_routes(derived: Derived) -> str:
    return " or ".join(dict.fromkeys(_route_words(way) for way in derived.ways))


def _route_words(way: Way) -> str:
    if isinstance(way.action, NoRoute):
        return "no route"
    return way.route or "a route without a name"


def _checks(way: Way, observed: Observed, routes: str = "") -> Iterator[Check]:
    yield Check(
        "route",
        routes or _route_words(way),
        observed.route or "no name",
        observed.route == way.route,
    )
    yield from _ended(way, observed)
    yield from _filters(way, observed)
    if observed.cluster and way.forwards and not way.unsure:
        yield from _sent(way, observed)
    yield from _tried(way, observed)


def _ended(way: Way, observed: Observed) -> Iterator[Check]:
    """Who answered, and with what."""
    if observed.who == "client" or not observed.details:
        return
    possible = dict(_enders(way))
    said = " or ".join(dict.fromkeys(possible.values()))
    who = observed.who or "filter"  # in words that are its own
    seen = observed.words or f"details {observed.details!r}"
    yield Check("answer", said, seen, who in possible)
    if who == "route" and isinstance(way.action, Redirect | Respond):
        yield _status(way.action.status, observed)


def _status(wanted: int, observed: Observed) -> Check:
    """A gRPC call gets Envoy's own answers as 200, with the status in a header."""
    as_grpc = observed.may_be_grpc and observed.status == 200
    agrees = observed.status == wanted or as_grpc
    return Check("status", str(wanted), str(observed.status), agrees)


def _enders(way: Way) -> Iterator[tuple[str, str]]:
    """Who may have ended it. Envoy itself always may: an overload, a client that is no HTTP."""
    yield "envoy", "Envoy itself"
    for each in way.filters:
        if each.passes is not True:
            yield "filter", f"filter {each.name} answers"
    if way.stopped is None:
        yield from _after_filters(way)


def _after_filters(way: Way) -> Iterator[tuple[str, str]]:
    if isinstance(way.action, NoRoute):
        yield "no route", "no route matches"
    if isinstance(way.action, Redirect | Respond):
        yield "route", "the route answers by itself"
    if way.forwards:
        yield "sending", "it could not be sent"
        yield "upstream", "the upstream answers"
    if way.unsure or any(not each.found for each in way.targets):
        yield "no cluster", "there is no such cluster"


def _filters(way: Way, observed: Observed) -> Iterator[Check]:
    """Each filter that could have answered or delayed it, and whether it did."""
    if not observed.details:
        return
    able = [i for i, each in enumerate(way.filters) if _answered(each, observed)]
    likely = [i for i in able if way.filters[i].passes is not True]
    answered = next(iter(likely or able), None)
    for i, each in enumerate(way.filters):
        if answered is not None and i > answered:
            return
        passed = i != answered
        if each.details or (each.free and not passed):
            fits = each.passes is None or each.passes == passed
            derived = _does(each.passes)
            yield Check(f"filter {each.name}", derived, "passes" if passed else "answers", fits)
        if not passed and each.status is not None:
            yield _status(each.status, observed)
        if each.policy and not passed and observed.policy:
            yield Check(
                f"rule of {each.name}", each.policy, observed.policy, each.policy == observed.policy
            )
    yield from _delayed(way, observed)


def _does(passes: bool | None) -> str:
    return "may answer" if passes is None else "passes" if passes else "answers"


def _answered(it: Verdict, observed: Observed) -> bool:
    """By its own words; those that nobody knows are of a filter that makes them up."""
    if not observed.who:
        return it.free
    return observed.who == "filter" and any(map(observed.details.startswith, it.details))


def _delayed(way: Way, observed: Observed) -> Iterator[Check]:
    """A fault's delay comes before its abort, and before all filters behind it."""
    seen, sure, maybe = "DI" in observed.flags, False, False
    for each in way.filters:
        sure = sure or (each.delays is True and not maybe)
        maybe = maybe or each.delays is not False or each.passes is not True
    possible = any(each.delays is not False for each in way.filters)
    if seen or sure:
        derived = "delayed" if sure else "may be delayed" if possible else "not delayed"
        agrees = possible if seen else False
        yield Check("delay", derived, "delayed" if seen else "not delayed", agrees)


def _sent(way: Way, observed: Observed) -> Iterator[Check]:
    names = [name for each in way.targets for name in each.members or (each.name,)]
    yield Check("cluster", " or ".join(names), observed.cluster, observed.cluster in names)
    found = next((each for each in way.targets if each.name == observed.cluster), None)
    if found is None or found.choosable is None or not observed.upstream:
        return
    hosts = found.choosable
    yield Check(
        "endpoint", " or ".join(hosts) or "none", observed.upstream, observed.upstream in hosts
    )


def _tried(way: Way, observed: Observed) -> Iterator[Check]:
    patience = way.patience
    if patience is None or not observed.attempts:
        return
    limit = patience.tries
    yield Check("tries", f"at most {limit}", str(observed.attempts), observed.attempts <= limit)
    if "UT" in observed.flags:
        wanted = patience.timeout is not None or patience.per_try is not None
        yield Check("timeout", "one" if wanted else "none", "it was reached", wanted)
