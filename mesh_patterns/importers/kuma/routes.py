"""MeshHTTPRoute and MeshTCPRoute: where a caller's requests for a service go.

Rules with the same matches are merged across routes; of all that are left the one that asks for
more goes first. What no rule matches goes to the service itself.
https://kuma.io/docs/latest/policies/meshhttproute/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers import backends
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.kuma import matches, names, retries, rule_filters, timeouts
from mesh_patterns.importers.kuma.merging import Item, items, merged, policies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.importers.tables import pattern
from mesh_patterns.importers.weights import hundredths, weight
from mesh_patterns.model import CLIENT
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A rule of ours and how it ranks; the larger rank goes first."""

    rank: tuple[int, ...]
    node: Node


def patterns(http: Sequence[Source], tcp: Sequence[Source], world: World) -> Iterator[Node]:
    """What routes do that are for callers inside the mesh."""
    of_requests = items(policies(http, ("to",)), ("rules",))
    of_streams = items(policies(tcp, ("to",)), ("rules",))
    for entry in list(world.catalog.entries.values()):
        requests = PROTOCOLS[entry.protocol].requests
        for found, is_http in ((of_requests, True), (of_streams, False)):
            here = [item for item in found if item.service == entry.name]
            if not here:
                continue
            if is_http and not requests:
                source = here[0].policy.source
                what = f"MeshHTTPRoute to {entry.name!r}, which speaks {entry.protocol}"
                source.skip(what, here[0].node)
                continue
            if not is_http and any(item.service == entry.name for item in of_requests):
                what = f"MeshTCPRoute to {entry.name!r}, which has a MeshHTTPRoute"
                here[0].policy.source.approximate(f"left out: {what}", here[0].node)
                continue
            yield from world.notes.collected(_of_entry(here, entry, world))


def _of_entry(here: Sequence[Item], entry: Entry, world: World) -> Iterator[Node]:
    """Rules can't be overridden: where one caller has others, each is told its own."""
    named = {name for item in here for name in item.policy.followers.services}
    entries = world.catalog.entries
    alone = [name for name in entries if name in named and entry.name in entries[name].calls]
    base = [item for item in here if item.policy.followers.everybody]
    callers = [MESH]
    if alone:
        calling = [e.name for e in entries.values() if entry.name in e.calls]
        callers = [CLIENT, *(name for name in calling if name not in alone)]
    for caller in callers if base else ():
        yield from _led(caller, base, entry)
    for name in alone:
        mine = [item for item in here if item.policy.followers.has(name)]
        yield from _led(name, mine, entry)


def _led(caller: str, found: Sequence[Item], entry: Entry) -> Iterator[Node]:
    on = f"{caller} -> {entry.name}"
    if not PROTOCOLS[entry.protocol].requests:
        yield from _streams(on, found, entry)
        return
    rows = rows_of(found, entry)
    made = [row.node for row in rows]
    place = found[-1].policy.source.object.place
    whole = any(node.get("match") is None for node in made)
    if whole:
        yield pattern(on, made, Node(None, place))
    elif made:
        yield Node.of({"pattern": "route", "on": on, "rules": made}, place)


def _streams(on: str, found: Sequence[Item], entry: Entry) -> Iterator[Node]:
    """Of connections there are weights alone."""
    last = found[-1]
    rules = elements(last.node, "rules")
    conf = rules[0].get("default") if rules else None
    if conf is None or not elements(conf, "backendRefs"):
        return
    to = _weights(conf, last.policy.source, entry)
    if list(to) != [entry.name]:
        place = last.policy.source.object.place
        made = {"pattern": "canary", "on": on, "weights": hundredths(to, last.policy.source)}
        yield Node.of(made, place)


def rows_of(found: Iterable[Item], entry: Entry | None) -> list[Row]:
    """The rules of several routes, merged and in order."""
    rules: dict[str, list[tuple[Item, Node]]] = {}
    for item in found:
        for rule in elements(item.node, "rules"):
            item.policy.source.notes.leftovers(
                rule, ("matches", "default"), item.policy.source.owner, "rules."
            )
            rules.setdefault(repr(_plain(rule.get("matches"))), []).append((item, rule))
    rows = [row for same in rules.values() for row in _rows(same, entry)]
    return sorted(rows, key=lambda row: [-number for number in row.rank])


def _plain(node: Node | None) -> Any:
    return node.plain() if node is not None else None


def _rows(same: Sequence[tuple[Item, Node]], entry: Entry | None) -> list[Row]:
    """A rule for each match of rules that have the same matches."""
    item, rule = same[-1]
    source = item.policy.source
    confs = [conf for _, each in same if (conf := each.get("default")) is not None]
    conf = merged(confs) or Node({}, rule.place)
    known = ("filters", "backendRefs")
    source.notes.leftovers(conf, known, source.owner, "rules.default.")
    nodes = elements(rule, "matches") or (Node(None, rule.place),)
    ranked = [matches.of_policy(node) for node in nodes]
    made: list[Row] = []
    for match in ranked:
        prefix = match.made.get("path", {}).get("separated_prefix")
        whole = "/" if "path" not in match.made else None
        fields = _fields(conf, prefix.text() if prefix is not None else whole, source, entry)
        extra = _of_route(source, entry) if "to" in fields else {}
        condition: Made = {"match": match.made} if match.made else {}
        made.append(Row(match.rank, Node.of({**condition, **fields, **extra}, rule.place)))
    return made


def _fields(conf: Node, prefix: str | None, source: Source, entry: Entry | None) -> Made:
    """Where it leads, and what is done on the way."""
    settings = rule_filters.read(elements(conf, "filters"), prefix, source)
    if "redirect" in settings:
        return {name: settings[name] for name in settings.keys() & {"redirect", "headers"}}
    to: Made = {**_weights(conf, source, entry)}
    if not to and entry is None:
        source.notes.warn(conf.place, f"{source.owner} leads nowhere: answered with 503")
        return {"respond": {"status": 503}}
    if not to and entry is not None:
        to = {entry.name: 1}
    return {"to": to, **settings}


def _weights(conf: Node, source: Source, entry: Entry | None) -> dict[str, Node]:
    shares = []
    for node in elements(conf, "backendRefs"):
        known = (
            "kind", "name", "namespace", "labels", "tags", "weight", "port", "sectionName", "mesh"
        )  # fmt: skip
        source.notes.leftovers(node, known, source.owner, "backendRefs.")
        shares.append((weight(node), names.targets(node, source, entry), node))
    return backends.shared(shares) if shares else {}


def _of_route(source: Source, entry: Entry | None) -> Made:
    """What policies say of this route alone."""
    conf = source.world.routes.get(source.object.name)
    made: Made = {}
    if conf is None or entry is None:
        return made
    if (part := conf.get("MeshTimeout")) is not None:
        made |= {"timeout": after} if (after := timeouts.after(part).get("after")) else {}
    if (part := conf.get("MeshRetry")) is not None:
        made |= {"retries": tries} if (tries := retries.fields(part, entry)) else {}
    return made


def tell_others(found: Iterable[Item]) -> None:
    """Of what policies say of a route, timeouts and retries are taken."""
    for item in found:
        if item.route and (kind := next(iter(dict(item.conf.items())))) not in _TAKEN:
            item.policy.source.skip(f"{kind} of one route ({text(item.node, 'kind')})", item.node)


_TAKEN = ("MeshTimeout", "MeshRetry")
