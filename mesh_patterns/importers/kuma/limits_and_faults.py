"""MeshRateLimit and MeshFaultInjection: before a workload, or at one caller.

https://kuma.io/docs/latest/policies/meshratelimit/,
https://kuma.io/docs/latest/policies/meshfaultinjection/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kuma.inbound import Inbound, inbounds
from mesh_patterns.importers.kuma.merging import items, merged, policies
from mesh_patterns.importers.kuma.taken import is_on, number
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_BANDWIDTH = re.compile(r"(\d+)\s*(kbps|mbps|gbps)", re.I)
_KBPS = {"kbps": 1, "mbps": 1000, "gbps": 1_000_000}
_AT_CALLER = "of one caller: it stands at the caller, where its retries don't see it"


def limits(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """What MeshRateLimits let through."""
    for inbound in inbounds(sources, ("local",), world):
        local = inbound.conf.get("local") or Node(None, inbound.conf.place)
        entry = world.catalog.entries[inbound.on.partition("/")[0]]
        requests = PROTOCOLS[entry.protocol].requests
        if requests and is_on(local, "http"):
            yield from world.notes.collected(_http(inbound, local.find("http"), world))
        elif not requests and is_on(local, "tcp") and not inbound.caller:
            rate = _rate(local.find("tcp"), ("connectionRate", "connections"))
            made = {"pattern": "connection_rate", "on": inbound.on, "limit": rate}
            yield Node.of(made, local.place)


def _http(inbound: Inbound, http: Node, world: World) -> Iterator[Node]:
    source = inbound.source
    known = ("disabled", "requestRate", "requests", "interval", "onRateLimit")
    source.notes.leftovers(http, known, source.owner, "local.http.")
    answer = http.get("onRateLimit") or Node(None, http.place)
    source.notes.leftovers(answer, ("status",), source.owner, "onRateLimit.")
    made: Made = {"limit": _rate(http, ("requestRate", "requests"))}
    if (status := answer.get("status")) is not None and status.value:
        made["status"] = status
    yield from _placed("rate_limit", inbound, made, http, world)


def _rate(node: Node, names: tuple[str, str]) -> Node:
    """So many in a time; older versions have both beside each other."""
    rate = node.get(names[0])
    count = needed(rate, "num", names[0]) if rate is not None else needed(node, names[1], "a limit")
    interval = needed(rate or node, "interval", "a limit")
    return Node(f"{count.text()}/{interval.text()}", count.place)


def _placed(name: str, inbound: Inbound, made: Made, node: Node, world: World) -> Iterator[Node]:
    """Before the workload; for one caller at that caller, if it is one."""
    if not inbound.caller:
        yield Node.of({"pattern": name, "on": inbound.on, **made}, node.place)
        return
    service = inbound.on.partition("/")[0]
    caller = world.catalog.entries[inbound.caller]
    if service in caller.calls:
        inbound.source.approximate(f"{name} {_AT_CALLER}", node)
        on = f"{inbound.caller} -> {service}"
        yield Node.of({"pattern": name, "on": on, **made}, node.place)


def faults(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """What MeshFaultInjections do."""
    for inbound in inbounds(sources, ("http",), world):
        for node in elements(inbound.conf, "http"):
            made = world.notes.guard(_fault, node, inbound.source)
            if made:
                yield from _placed("fault", inbound, made, node, world)
    found = items(policies(sources, ("from", "to", "rules")), ("default",))
    for entry in list(world.catalog.entries.values()) if found else ():
        here = [item for item in found if item.service in (None, entry.name)]
        for on, mine in _callers(entry.name, here, world):
            conf = merged(item.conf for item in mine)
            for node in elements(conf, "http") if conf is not None else ():
                made = world.notes.guard(_fault, node, mine[-1].policy.source)
                if made:
                    yield Node.of({"pattern": "fault", "on": on, **made}, node.place)


def _callers(service: str, here: Sequence[Any], world: World) -> Iterator[tuple[str, Any]]:
    everybody = [item for item in here if item.policy.followers.everybody]
    if everybody:
        yield f"{MESH} -> {service}", everybody
    named = dict.fromkeys(name for item in here for name in item.policy.followers.services)
    for name in named:
        if service in world.catalog.entries[name].calls:
            mine = [item for item in here if name in item.policy.followers.services]
            yield f"{name} -> {service}", mine


def _fault(node: Node, source: Source) -> Made:
    known = ("abort", "delay", "responseBandwidth")
    source.notes.leftovers(node, known, source.owner, "http.")
    made: Made = {}
    abort, delay, slow = (node.get(name) for name in known)
    if abort is not None and abort.value is not None:
        status = needed(abort, "httpStatus", "an abort")
        made["abort"] = {"status": status, **_percent(abort)}
    if delay is not None and delay.value is not None:
        made["delay"] = {"fixed": needed(delay, "value", "a delay"), **_percent(delay)}
    if slow is not None and slow.value is not None:
        made["response_rate_limit"] = _bandwidth(slow)
        if number(slow.get("percentage")) not in (None, 100.0):
            source.approximate("responseBandwidth.percentage: of all answers", slow)
    return made


def _percent(node: Node) -> Made:
    percent = node.get("percentage")
    return {"percent": number(percent)} if percent is not None else {}


def _bandwidth(node: Node) -> Node:
    """Kuma takes kilobits for Envoy's KiB; so it is here."""
    given = needed(node, "limit", "a responseBandwidth")
    found = _BANDWIDTH.fullmatch(given.text().strip())
    if found is None:
        message = f"expected a limit such as 50mbps, got {text(node, 'limit')!r}"
        raise DocumentError.at(given.place, message)
    return Node(f"{int(found[1]) * _KBPS[found[2].lower()]}KiB/s", given.place)
