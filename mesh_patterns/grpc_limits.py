"""What gRPC makes of a pattern where no Envoy stands between: a table of what differs.

A service with ``dataplane: grpc`` does itself what its Envoy would do, as far as the gRPC library
can. What it can't is left out of its config (``compile/grpc/`` reads the tables here) and told as a
warning at the pattern's line (:func:`warnings`). That it is so is the proposals' word
(https://github.com/grpc/proposal, A27 to A50) and, line by line, that of a real grpcio in
``tests/mesh_patterns/compile/grpc/test_grpcio.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from mesh_patterns.draft import Draft, Edge, Fault, Filter, Match, Retries
from mesh_patterns.identity import PERMISSIVE
from mesh_patterns.kinds.retries import RetriesOptions
from mesh_patterns.policy import (
    FACTOR,
    Authorization,
    CircuitBreaker,
    Failover,
    LoadBalancing,
    OutlierDetection,
)
from mesh_yaml.place import Place, Problem

# Of Envoy's conditions, those that are statuses of gRPC (A44).
RETRIED = frozenset(
    {"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}
)
MAX_RETRIES = 4  # five attempts in all, whatever is asked for (A44)
# Of a back-off of 1 ms, jitter may leave less than one, and then grpcio (1.85) never tries again
# and never answers: 4 of 7 calls hung, of 20 with 2 ms none.
MIN_BACKOFF = timedelta(milliseconds=2)
# others would be refused; the last since A58
POLICIES = frozenset({"round_robin", "ring_hash", "client_side_weighted_round_robin"})
HASHED = frozenset({"header", "source_ip"})  # for the latter stands the channel (A42)
CLIENT_FILTERS = frozenset({"fault"})  # A33
SERVER_FILTERS = frozenset({"authorization"})  # A41
METHOD = "POST"  # of every gRPC request
# gRPC's C core takes the start of a call for 1 to 2 s earlier than it was when it adds a timeout
# that comes from config: measured with grpcio 1.68, 1.76 and 1.85, constant in each process.
EARLY = timedelta(seconds=2)

_DEFAULT_CONDITIONS = frozenset(  # nobody asked for these, so nobody is told
    map(str, RetriesOptions.model_fields["retry_on"].get_default())
)


def warnings(draft: Draft) -> Iterator[Problem]:
    """What the mesh's gRPC clients and servers ignore of the patterns, or do otherwise."""
    for place, text in dict.fromkeys([*_of_clients(draft), *_of_servers(draft)]):
        yield Problem(place, text, warning=True)


def apply(draft: Draft) -> None:
    """Warn of what gRPC leaves out, and take away the filters that no server has: then nobody
    counts on them.
    """
    draft.warnings.extend(warnings(draft))
    draft.filters[:] = [each for each in draft.filters if not _is_ignored(draft, each)]


def _is_ignored(draft: Draft, each: Filter) -> bool:
    if each.inbound is None or not draft.mesh.is_proxyless(each.inbound.service):
        return False
    dry_run = isinstance(each.config, Authorization) and each.config.dry_run
    return each.kind not in SERVER_FILTERS or dry_run


def can_match(match: Match) -> bool:
    """Whether a gRPC client looks at all that the match is about; else it passes the rule over."""
    return next(_unseen(match), None) is None


def _unseen(match: Match) -> Iterator[str]:
    """What a client can't see of its own request (A28), ``user-agent`` because it comes later."""
    for name, of in (("query", "query"), ("host", "authority"), ("scheme", "scheme")):
        if getattr(match, of):
            yield name
    for name, _ in match.headers:
        if name.lower() == "user-agent" or name.lower().endswith("-bin"):
            yield f"header {name}"


_Said = tuple[Place, str]


def _of_clients(draft: Draft) -> Iterator[_Said]:
    for edge in draft.edges.values():
        if draft.mesh.is_proxyless(edge.caller):
            for place, what in _of_edge(draft, edge):
                yield place, f"a gRPC client {what} (service {edge.caller}, dataplane grpc)"


def _of_servers(draft: Draft) -> Iterator[_Said]:
    for service, mtls in draft.mtls.items():
        if mtls.value == PERMISSIVE and draft.mesh.is_proxyless(service):
            # of two filter chains it takes the one for plaintext, whatever comes (A36)
            what = "takes no plaintext beside TLS: 'permissive' is 'strict'"
            yield mtls.place, f"a gRPC server {what} (service {service}, dataplane grpc)"
    for each in draft.filters:
        if each.inbound and draft.mesh.is_proxyless(each.inbound.service):
            for what in _of_inbound(each):
                service = each.inbound.service
                yield each.place, f"a gRPC server {what} (service {service}, dataplane grpc)"


def _of_edge(draft: Draft, edge: Edge) -> Iterator[_Said]:
    of_rules = (rule.settings for rule in edge.rules)
    for settings in (edge.settings, *edge.versions.values(), *of_rules):
        for name, placed in settings.items():
            yield from ((placed.place, what) for what in _of_setting(name, placed.value))
    for rule in edge.rules:
        for unseen in _unseen(rule.match):
            yield rule.place, f"passes over a rule with {unseen!r}"
    for each in draft.filters:
        if each.edge == (edge.caller, edge.callee) and each.kind not in CLIENT_FILTERS:
            yield each.place, f"ignores {each.kind!r}"
        elif each.edge == (edge.caller, edge.callee):
            yield from ((each.place, what) for what in _fault(each.config))
    yield from _of_names(draft, edge)


def _of_names(draft: Draft, edge: Edge) -> Iterator[_Said]:
    """Who is called, by which name and in which version."""
    balance = edge.settings.get("load_balancing")
    if balance and balance.value.hash and edge.split and len(edge.split.value) > 1:
        yield edge.split.place, "chooses versions by chance, whatever 'hash' says"
    callee = draft.mesh.services[edge.callee]
    for name in callee.hosts:
        if "*" in name:
            yield callee.place, f"can't look up the host {name!r}"


def _of_setting(name: str, value: Any) -> Iterator[str]:
    known = _SETTINGS.get(name)
    return known(value) if known else iter([f"ignores {name!r}"])


def _answered(name: str) -> Callable[[Any], Iterator[str]]:
    return lambda value: iter([f"fails with UNAVAILABLE where a rule says {name!r}"])


def _timeout(value: timedelta) -> Iterator[str]:
    if timedelta(0) < value <= EARLY:
        seconds = f"{value.total_seconds():g}s"
        yield (
            f"may end every call at once with a timeout of {seconds}: "
            "the one for Python, C++, Ruby and PHP is 1 to 2 s early"
        )


def _retries(value: Retries) -> Iterator[str]:
    if value.per_try_timeout is not None:
        yield "ignores 'per_try_timeout'"
    ignored = [name for name in value.retry_on if name not in RETRIED]
    if ignored and set(value.retry_on) != _DEFAULT_CONDITIONS:
        yield f"ignores 'retry_on: {', '.join(ignored)}'"
    for name in ("other_hosts", "other_priorities"):
        if getattr(value, name):
            yield f"ignores '{name.removeprefix('other_')}: other'"
    if value.backoff and value.backoff[0] < MIN_BACKOFF:
        yield "waits 2ms at least before it retries"
    if value.attempts > MAX_RETRIES:
        yield f"retries {MAX_RETRIES} times, not {value.attempts}"


def _not_there(what: str) -> Callable[[Any], Iterator[str]]:
    return lambda value: iter([f"has no {what}"])


def _circuit_breaker(value: CircuitBreaker) -> Iterator[str]:
    for name in (
        "max_connections", "max_pending_requests", "max_retries", "max_connections_per_host"
    ):  # fmt: skip
        if getattr(value, name) is not None:
            yield f"ignores {name!r}"


def _outlier_detection(value: OutlierDetection) -> Iterator[str]:
    for name in (
        "consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure"
    ):  # fmt: skip
        if getattr(value, name) is not None:
            yield f"ignores {name!r}"


def _load_balancing(value: LoadBalancing) -> Iterator[str]:
    if value.policy not in POLICIES:
        yield f"has no {value.policy!r} and takes 'round_robin'"
        return
    for name in ("panic_threshold", "slow_start"):
        if getattr(value, name) is not None:
            yield f"ignores {name!r}"
    for key in value.hash:
        if key.kind not in HASHED:
            yield f"ignores 'hash: {key.kind}'"
        elif key.kind == "source_ip":
            yield "hashes its channel for 'hash: source_ip'"


def _failover(value: Failover) -> Iterator[str]:
    """https://github.com/grpc/proposal/blob/master/A56-priority-lb-policy.md"""
    if value.factor != FACTOR:
        yield "ignores 'overprovisioning'"
    yield "asks the next hosts only when none of the first can be reached"


def _fault(value: Fault) -> Iterator[str]:
    if value.response_kib is not None:
        yield "ignores 'response_rate_limit'"


_SETTINGS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "timeout": _timeout,
    "retries": _retries,
    "fault": _fault,
    "redirect": _answered("redirect"),
    "respond": _answered("respond"),
    "circuit_breaker": _circuit_breaker,
    "retry_budget": _not_there("retry budget"),
    "health_check": _not_there("active health checks that its control plane could ask for"),
    "outlier_detection": _outlier_detection,
    "load_balancing": _load_balancing,
    "failover": _failover,
    "takeover": lambda value: iter(()),  # A37
}  # of all others it takes no notice: headers, mirror, rewrite


def _of_inbound(each: Filter) -> Iterator[str]:
    if each.kind not in SERVER_FILTERS:
        hint = "; with 'side: caller' its callers do it" if each.kind == "fault" else ""
        yield f"ignores {each.kind!r}{hint}"
    elif isinstance(each.config, Authorization):
        if each.config.dry_run:
            yield "ignores 'dry_run': it neither counts nor denies"
        if any(access.remote_ip_blocks for access in each.config.rules):
            yield "takes the connection's other end for 'remote_ip_blocks'"
