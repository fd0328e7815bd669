"""Route tables as a gRPC client takes them: which cluster, how long, how often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from mesh_patterns.compile import load_balancing, routes
from mesh_patterns.compile.entry import Host, Row
from mesh_patterns.compile.filters import fault
from mesh_patterns.compile.grpc.rows import GrpcRow, lowered
from mesh_patterns.draft import Edge, Match, Retries
from mesh_patterns.grpc_limits import HASHED, MIN_BACKOFF, RETRIED
from mesh_patterns.policy import HashKey
from mesh_yaml.matching import StringMatch
from xds_server.mirror import any_of
from xds_server.protos import route
from xds_server.resource import Resource

# https://github.com/grpc/proposal/blob/master/A42-xds-ring-hash-lb-policy.md
CHANNEL = "io.grpc.channel_id"


def route_resource(edge: Edge, hosts: Sequence[Host]) -> Resource:
    """The route table for one callee, each virtual host and route with its line."""
    tables = [list(lowered(host.rows)) for host in hosts]
    message = route.RouteConfiguration(
        name=edge.callee,
        virtual_hosts=[_virtual_host(*pair) for pair in zip(hosts, tables, strict=True)],
    )
    origins = {"": str(edge.place)}
    for i, (host, rows) in enumerate(zip(hosts, tables, strict=True)):
        shown = replace(host, rows=tuple(each.row for each in rows))
        for path, place in routes.origins_of(f"virtual_hosts[{i}]", shown).items():
            origins[path.replace("route.timeout", "route.max_stream_duration")] = place
    return Resource.of(message, origins=origins)


def _virtual_host(host: Host, rows: Sequence[GrpcRow]) -> route.VirtualHost:
    return route.VirtualHost(
        name=host.name,
        domains=list(host.domains),
        routes=[_route(f"{host.name}.{i}", row) for i, row in enumerate(rows)],
    )


def _route(name: str, row: GrpcRow) -> route.Route:
    """One row. gRPC has no answers of its own: a call that would get one fails, and says so."""
    match = routes.route_match(_path_told(row.match))
    if any(row.row.edge.value(row.row.rule, name) for name in ("redirect", "respond")):
        nowhere = route.NonForwardingAction()
        return route.Route(name=name, match=match, non_forwarding_action=nowhere)
    faults = {name: any_of(fault.message(each)) for name, each in row.faults.items()}
    action = _action(row.row)
    return route.Route(name=name, match=match, route=action, typed_per_filter_config=faults)


def _path_told(match: Match) -> Match:
    """A prefix of whole segments is nothing that gRPC knows, and it refuses the table for it."""
    path = match.path
    if path is None or path.kind != "separated_prefix":
        return match
    return replace(match, path=StringMatch("regex", _segments(path.text, match.ignore_case)))


def _segments(prefix: str, ignore_case: bool) -> str:
    return f"{'(?i)' if ignore_case else ''}{re.escape(prefix.rstrip('/'))}(/.*)?"


def _action(row: Row) -> route.RouteAction:
    timeout, retries = (row.edge.value(row.rule, name) for name in ("timeout", "retries"))
    return route.RouteAction(
        **routes.destination(row),
        max_stream_duration=_duration(timeout) if timeout else None,
        retry_policy=_retry_policy(retries) if retries else None,
        hash_policy=[_hash_policy(key) for key in row.hash_keys() if key.kind in HASHED],
    )


def _duration(timeout: timedelta) -> route.RouteActionMaxStreamDuration:
    """https://github.com/grpc/proposal/blob/master/A31-xds-timeout-support-and-config-selector.md"""
    return route.RouteActionMaxStreamDuration(max_stream_duration=timeout)


def _retry_policy(retries: Retries) -> route.RetryPolicy | None:
    """https://github.com/grpc/proposal/blob/master/A44-xds-retry.md"""
    conditions = [name for name in retries.retry_on if name in RETRIED]
    if not conditions or not retries.attempts:
        return None
    backoff = retries.backoff and route.RetryPolicyRetryBackOff(
        base_interval=max(retries.backoff[0], MIN_BACKOFF),
        max_interval=max(retries.backoff[1], MIN_BACKOFF),
    )
    return route.RetryPolicy(
        retry_on=",".join(conditions), num_retries=retries.attempts, retry_back_off=backoff or None
    )


def _hash_policy(key: HashKey) -> route.RouteActionHashPolicy:
    """The channel stands for the caller's address: all calls of one process go to one host."""
    if key.kind == "source_ip":
        return route.RouteActionHashPolicy(
            filter_state=route.RouteActionHashPolicyFilterState(key=CHANNEL)
        )
    return load_balancing.hash_policy(key)
