"""Who of the services stands at which port of the ingress, and carries its rules.

A rule of ours belongs to an edge, and a virtual host to a listener: so one of the services that the
host leads to has the listener's port, the host's domains, and its rules. A service has one port. A
listener whose services all have another gets one of its own, to which no request ever goes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.envoy.clusters import Cluster, Clusters
from mesh_patterns.importers.envoy.listeners import Entrance
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.parts import narrowed
from mesh_patterns.importers.tables import Table, pattern
from mesh_yaml.node import Node

Made = dict[str, Any]

SYSTEM = 1024  # ports below are for those whom the system lets
SHIFT = 10_000
PATIENCE = "15s"  # of a route that says nothing (RouteAction.timeout)
NOBODY = "invalid"  # a domain in which there are no hosts (RFC 6761, section 6.4)


@dataclass(slots=True)
class Ports:
    """The ports of all listeners; no two have the same."""

    _owners: dict[int, Message] = field(default_factory=dict)

    def of(self, entrance: Entrance) -> int:
        """Its own, or else another, which is told."""
        port = entrance.port + SHIFT if entrance.port < SYSTEM else entrance.port
        while self._owners.setdefault(port, entrance.message) is not entrance.message:
            port = port + 1 if port < 65535 else SYSTEM
        if port != entrance.port:
            entrance.message.left_out(f"port {entrance.port} is {port} here")
        return port


class Carriers:
    """Gives every table of one bootstrap somebody who carries it."""

    def __init__(self, clusters: Clusters, ports: Ports) -> None:
        self._clusters, self._ports = clusters, ports
        self._carried: list[tuple[Cluster, Table, Entrance]] = []
        self._led: dict[str, Made] = {}  # by service, the ingress of the first that leads there

    def add(self, entrance: Entrance) -> None:
        port = self._ports.of(entrance)
        if entrance.stream is not None:
            self._stream(entrance.stream, port, entrance.names)
        for table in sorted(entrance.tables, key=lambda table: not _targets(table)):
            self._table(table, entrance, port)

    def _stream(self, cluster: Cluster, port: int, names: Sequence[str]) -> None:
        taken = cluster.ingress is not None and cluster.ingress["port"] != port
        at = self._clusters.again(cluster) if taken else cluster
        before = at.ingress["hosts"] if at.ingress is not None else []
        at.ingress = {"port": port, "hosts": [*before, *names] or ["*"]}

    def _table(self, table: Table, entrance: Entrance, port: int) -> None:
        tls: Made = {} if entrance.tls is None else {"tls": entrance.tls}
        wanted: Made = {"port": port, **tls}
        led = (self._clusters.called(name) for name in _targets(table))
        here = (carrier for carrier, *_ in self._carried if _is_at(carrier, wanted))
        candidates = itertools.chain(led, here)
        free = (each for each in candidates if each is not None and _may_carry(each, wanted))
        carrier = next(free, None) or self._clusters.stand_in(f"listener-{port}", entrance.message)
        before = carrier.ingress["hosts"] if carrier.ingress is not None else []
        if not carrier.own:
            carrier.ingress = {**wanted, "hosts": [*before, *table.names]}
        for name in _targets(table):
            self._led.setdefault(name, wanted)
        self._carried.append((carrier, table, entrance))

    def settle(self, service: str) -> Made | None:
        """The ingress of a service that has settings and no port: only with one are they its
        callers' affair.
        """
        at = self._led.get(service)
        return None if at is None else {**at, "hosts": [f"{service.lower()}.{NOBODY}"]}

    def patterns(self) -> Iterator[Node]:
        """The rules, then the filters that requests pass."""
        tables_of = Counter(carrier.service for carrier, _, _ in self._carried)
        for carrier, table, _ in self._carried:
            several = tables_of[carrier.service] > 1 or carrier.own
            rules = narrowed(table.rules, table.names) if several else table.rules
            yield pattern(f"ingress -> {carrier.service}", rules, table.node)
        seen: set[tuple[str, int]] = set()
        for carrier, table, entrance in self._carried:
            on = f"ingress -> {carrier.service}"
            if (carrier.service, -1) not in seen and any(map(_waits, table.rules)):
                seen.add((carrier.service, -1))
                made: Made = {"pattern": "timeout", "on": on, "after": PATIENCE}
                yield Node.of(made, table.node.place)
            if (carrier.service, id(entrance)) not in seen:
                seen.add((carrier.service, id(entrance)))
                yield from (_placed(each, on) for each in entrance.filters)


def _may_carry(cluster: Cluster, wanted: Made) -> bool:
    """Whether it is at that port already, or at none."""
    return cluster.own or cluster.ingress is None or _is_at(cluster, wanted)


def _is_at(cluster: Cluster, wanted: Made) -> bool:
    at = cluster.ingress
    return at is not None and {**at, "hosts": None} == {**wanted, "hosts": None}


def _targets(table: Table) -> list[str]:
    """Services that its rules lead to, that of the rule for all requests first."""
    whole = [rule for rule in table.rules if rule.get("match") is None]
    found: dict[str, None] = {}
    for rule in (*whole, *table.rules):
        to = rule.get("to")
        found.update(dict.fromkeys(dict(to.items()) if to is not None else ()))
    return list(found)


def _waits(rule: Node) -> bool:
    """Whether Envoy would give up by itself."""
    return rule.get("to") is not None and rule.get("timeout") is None


def _placed(fields: Node, on: str) -> Node:
    return Node.of({"pattern": "", "on": on} | dict(fields.items()), fields.place)
