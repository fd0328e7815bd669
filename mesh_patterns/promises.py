"""What patterns promise by themselves: claims for files that have none.

A canary promises shares, a fault a delay or a status, retries a number of tries, a route where a
request ends, an authorization who is refused, a circuit breaker how many. Other people's files (a
Meshery design, a VirtualService) hold no claims, and this is how they are proven as they are.
Nothing is promised where more than one thing decides: behind a WASM filter, or where a token is
wanted or somebody is asked, or for a match whose
request can't be made up from its text (a regular expression).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mesh_patterns import limit_promises
from mesh_patterns.access import Caller, admits, as_match, guards, names_others
from mesh_patterns.draft import (
    CLUSTER,
    Draft,
    Edge,
    Fault,
    Filter,
    Match,
    Retries,
    Rule,
)
from mesh_patterns.evaluate import holds
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.identity import spiffe_id
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.upstream_promises import (
    by_luck,
    ejected,
    hashed,
    leads,
    shed,
    stays,
    turns,
    uncertain,
)
from mesh_traffic import Headers, Request
from mesh_yaml.build import build
from mesh_yaml.matching import StringMatch
from mesh_yaml.node import Node, Plain
from mesh_yaml.place import Place

COUNTED = frozenset({"share", "upstream", "upstream_ratio", "versions", "replicas"})
SHARED_SENDS = 500  # requests for a share
SENDS = 5  # requests for everything else
SLACK = 0.5  # seconds that an answer may take besides its delay
EARLY = 0.05  # seconds by which Envoy's timer may be ahead of ours
GRPC_PERMISSION_DENIED = 7
GRPC_DEADLINE = 4  # what a gRPC client makes of Envoy's timeout
RETRIED = {"5xx", "gateway-error", "retriable-status-codes"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule of an edge and a request that it takes."""

    edge: Edge
    rule: Rule
    request: Request


def promises(draft: Draft) -> tuple[ClaimSpec, ...]:
    """Claims for every route of the client and of the ingress, as far as they can be foretold.

    And for those of services that differ from the client's: by what their cluster does, or by who
    they are.
    """
    found = []
    services = draft.mesh.services
    for edge in draft.edges.values():
        if services[edge.callee].external or not services[edge.callee].requests:
            continue  # nobody knows what others answer
        if edge.caller in (CLIENT, INGRESS) or _own(draft, edge):
            for row in [*_rows(draft, edge), *_special(draft, edge)]:
                claim = _claim(draft, row)
                if claim:
                    found.append(build(ClaimSpec, Node.of(claim, row.rule.place)))
    return tuple(found)


def _own(draft: Draft, edge: Edge) -> bool:
    if draft.mesh.is_proxyless(edge.caller) or draft.mesh.is_proxyless(edge.callee):
        return False
    named = (
        rule.principals or (rule.none_of and rule.none_of.principals)
        for guard, _ in guards(draft, edge.callee)
        for rule in guard.rules
    )
    return any(name in edge.settings for name in CLUSTER) or any(named)


def _rows(draft: Draft, edge: Edge) -> Iterator[_Row]:
    """Each rule with an example of what it takes, unless an earlier one would take that too."""
    rest = [] if edge.closed else [Rule(Match(), _default_place(edge))]
    rules = [*edge.rules, *rest]
    for i, rule in enumerate(rules):
        host = _host(draft, edge, rule)
        request = example(rule.match, host)
        earlier = (before for before in rules[:i] if not before.hosts or host in before.hosts)
        if request and not any(holds(before.match, request) for before in earlier):
            yield _Row(edge, rule, request)


def _special(draft: Draft, edge: Edge) -> Iterator[_Row]:
    """Requests that an authorization is about, or that are hashed, if only the last rule is there
    to take them.
    """
    if edge.rules:
        return
    rule = Rule(Match(), _default_place(edge))
    host = _host(draft, edge, rule)
    rules = [access for guard, _ in guards(draft, edge.callee) for access in guard.rules]
    found = [*(example(as_match(access), host) for access in rules), hashed(edge, host)]
    seen = [example(Match(), host)]
    for request in found:
        if request and request not in seen:
            seen.append(request)
            yield _Row(edge, rule, request)


def _default_place(edge: Edge) -> Place:
    return edge.split.place if edge.split else edge.place


def _host(draft: Draft, edge: Edge, rule: Rule) -> str:
    """A name that leads to the rule; empty where the caller's own will do."""
    declared = draft.mesh.services[edge.callee].ingress
    if edge.caller != INGRESS or declared is None:
        return next((name for name in rule.hosts if "*" not in name), edge.callee)
    names = [name for name in (*rule.hosts, *declared.hosts) if "*" not in name]
    return names[0] if names else ""


def example(match: Match, authority: str) -> Request | None:
    """A request that ``match`` holds for; ``None`` where its text does not give one away."""
    if match.percent is not None:
        return None
    path = _text(match.path, "/")
    method = _text(match.method, "GET")
    host = _text(match.authority, authority)
    headers = [(name, _text(m, "any")) for name, m in match.headers if not m.invert]
    query = [(name, _text(m, "any")) for name, m in match.query if not m.invert]
    if path is None or method is None or host is None:
        return None
    joined = "&".join(f"{name}={value}" for name, value in query)
    whole = f"{path}?{joined}" if joined else path
    fields = Headers.of((name, value or "") for name, value in headers)
    request = Request(method, whole, host, headers=fields)
    return request if holds(match, request) else None


def _text(match: StringMatch | None, otherwise: str) -> str | None:
    if match is None or match.kind == "present":
        return otherwise
    return None if match.kind == "regex" or match.invert else match.text


def _claim(draft: Draft, row: _Row) -> Plain | None:
    """What the row promises, as a claim would be written."""
    said: dict[str, Any] = _answer(row) or _forwarded(draft, row)
    if draft.mesh.services[row.edge.callee].uncounted():
        said = {name: value for name, value in said.items() if name not in COUNTED}
    if not said.keys() - {"send"}:
        return None
    request = row.request
    sent: dict[str, Any] = {"send": SENDS, "to": row.edge.callee, "path": request.path}
    sent["from"] = row.edge.caller
    if request.authority:
        sent["host"] = request.authority
    if request.method != "GET":
        sent["method"] = request.method
    if request.headers:
        sent["headers"] = dict(request.headers)
    if "within" in said:
        sent["concurrency"] = SENDS  # nobody has to wait for one after the other
    return {**sent, **said}


def _answer(row: _Row) -> dict[str, Any]:
    """Of a rule by which Envoy answers itself."""
    redirect, respond = (row.edge.value(row.rule, name) for name in ("redirect", "respond"))
    if redirect:
        return {"status": redirect.status}
    return {"status": respond.status} if respond else {}


def _forwarded(draft: Draft, row: _Row) -> dict[str, Any]:
    """Of a rule that sends the request on: how long it takes, its status, and who gets it."""
    admitted = _admitted(draft, row)
    if admitted is None or limit_promises.unforetold(draft, row.edge):
        return {}
    if _breaks_a_part(draft, row):
        return ejected(draft, row.edge) if admitted else {}
    limited = limit_promises.refused(draft, row.edge)
    if limited is not None:
        return limited if admitted else {}
    there, here = _faults(draft, row, inbound=True), _faults(draft, row, inbound=False)
    if not admitted:
        denied = GRPC_PERMISSION_DENIED if _is_grpc(draft, row) else 403
        return {} if here or there else {"status": denied}
    held, delay = _delay(there), _delay([*here, *there])
    fails = any(fault.abort_status or _fails_grpc(fault) for fault in [*here, *there])
    if uncertain(draft, row.edge, row.rule, delay=delay, fails=fails):
        return {}
    fine = 0 if _is_grpc(draft, row) else 200
    refused = shed(row.edge, row.rule, delay=held, fine=fine)
    if refused is not None:
        return {} if delay != held or row.edge.value(row.rule, "timeout") else refused
    return _answered(draft, row, here, there)


def _answered(draft: Draft, row: _Row, here: list[Fault], there: list[Fault]) -> dict[str, Any]:
    """Of requests that faults delay or fail: ``here`` at the caller, ``there`` at the service."""
    said: dict[str, Any] = {}
    fine, delay = 0 if _is_grpc(draft, row) else 200, _delay([*here, *there])
    timeout = row.edge.value(row.rule, "timeout")
    if timeout and delay >= timeout.total_seconds():
        late = 504 if fine else GRPC_DEADLINE
        return {"status": late, "within": _within(timeout.total_seconds())}
    if delay:
        said["within"] = _within(delay)
    aborts = [fault for fault in [*here, *there] if fault.abort_status]
    if not aborts and not any(_fails_grpc(fault) for fault in [*here, *there]):
        return {**said, "status": fine, **_shares(draft, row, delay)}
    if _is_grpc(draft, row):
        return {}
    if len(aborts) == 1 and aborts[0].abort_percent == 100:
        tries = _tries(row.edge.value(row.rule, "retries"), aborts[0])
        if tries > 1 and delay:
            return {}  # each try waits, and they are too many at a time
        said["status"] = aborts[0].abort_status
        said |= {"upstream_ratio": tries} if there else {"upstream_ratio": 0}
    return said


def _delay(faults: list[Fault]) -> float:
    """Seconds that are certain."""
    certain = (each.delay for each in faults if each.delay and each.delay_percent == 100)
    return sum(delay.total_seconds() for delay in certain)


def _fails_grpc(fault: Fault) -> bool:
    return fault.abort_grpc_status is not None


def _admitted(draft: Draft, row: _Row) -> bool | None:
    """Whether authorizations let the row's request through; ``None`` where it is not foretold."""
    services = {each.target.service for each in leads(row.edge, row.rule)} or {row.edge.callee}
    found = [guard for service in services for guard in guards(draft, service)]
    changed = row.edge.value(row.rule, "rewrite") or row.edge.value(row.rule, "headers")
    if not found:
        return True
    if draft.mesh.is_proxyless(row.edge.callee):
        return None  # gRPC itself has them, which is not Envoy
    if changed or not row.request.authority or any(version for _, version in found):
        return None
    if _is_grpc(draft, row) and any(
        rule.methods or rule.paths for g, _ in found for rule in g.rules
    ):
        return None  # which method is called is not for the row to say
    if any(names_others(rule) for guard, _ in found for rule in guard.rules):
        return None
    caller = Caller(spiffe_id(draft, row.edge.caller))
    allowed = {admits(guard, row.request, caller) for guard, _ in found}
    return all(allowed) if services == {row.edge.callee} else None


def _within(seconds: float) -> str:
    return f"{max(0.0, seconds - EARLY):g}s..{seconds + SLACK:g}s"


def _tries(retries: Retries | None, abort: Fault) -> int:
    """How often a request is sent that always fails like this."""
    if retries is None:
        return 1
    status = abort.abort_status or 0
    again = str(status) in retries.retry_on or (
        status >= 500 and bool(RETRIED & set(retries.retry_on))
    )
    return retries.attempts + 1 if again else 1


def _shares(draft: Draft, row: _Row, delay: float) -> dict[str, Any]:
    """Who gets it, where nothing but weights or a policy decides.

    A slow request is not sent 500 times, and one that is hashed always goes the same way.
    """
    split = leads(row.edge, row.rule)
    balance = row.edge.settings.get("load_balancing")
    if delay or row.edge.value(row.rule, "mirror"):
        return {}
    if balance and balance.value.hash:
        return stays(draft, row.edge, row.request)
    if not split:
        return turns(draft, row.edge)
    versioned = [w for w in split if w.target.version is not None]
    if not versioned or len({w.target.service for w in split}) > 1:
        return {}
    if len(split) == 1:
        return {"share": {str(split[0].target): "100%"}}
    total = sum(each.weight for each in split)
    shares = {str(w.target): by_luck(SHARED_SENDS, w.weight / total) for w in versioned}
    return {"send": SHARED_SENDS, "share": shares}


def _breaks_a_part(draft: Draft, row: _Row) -> bool:
    """Whether some versions fail and others do not: then retries and luck decide."""
    faults = (each.inbound for each in draft.filters if each.kind == "fault" and each.inbound)
    return any(at.service == row.edge.callee and at.version is not None for at in faults)


def _is_grpc(draft: Draft, row: _Row) -> bool:
    return draft.mesh.services[row.edge.callee].protocol == "grpc"


def _faults(draft: Draft, row: _Row, *, inbound: bool) -> list[Fault]:
    """The faults that the row's request meets, at its caller or at the service."""
    ends, callee = (row.edge.caller, row.edge.callee), row.edge.callee
    placed = [
        each.config
        for each in draft.filters
        if each.kind == "fault" and (_service(each) == callee if inbound else each.edge == ends)
    ]
    own = row.rule.settings.get("fault")
    if own and not inbound:
        placed.append(own.value)
    return [fault for fault in placed if _is_for(fault, row.request)]


def _service(each: Filter) -> str | None:
    return each.inbound.service if each.inbound else None


def _is_for(fault: Fault, request: Request) -> bool:
    return all(match.any_holds(request.headers.get_all(name)) for name, match in fault.headers)
