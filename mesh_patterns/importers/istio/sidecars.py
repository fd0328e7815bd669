"""Sidecar: which services a workload's Envoy knows of, and so may call.

A host with a name is one that is called; one with a wildcard says only what may be. What the files
tell of calls to anybody else is taken away: in Istio the Envoy would know no such service.
https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.catalog import DOMAIN, Entry
from mesh_patterns.importers.fields import elements
from mesh_patterns.importers.hostnames import covers
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, choice
from mesh_patterns.importers.notes import Notes, listed
from mesh_yaml.node import Node

_KNOWN = ("workloadSelector", "egress", "outboundTrafficPolicy")
ALLOW_ANY = "ALLOW_ANY"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One: whose Envoys it is about, and the hosts that these know, or ``None`` for all."""

    source: Source
    choice: Choice
    hosts: Sequence[Node] | None


def read(source: Source) -> Sidecar:
    """What one says; listeners of its own are told."""
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    hosts: list[Node] = []
    for each in source.list("egress"):
        source.notes.leftovers(each, ("hosts",), source.owner, "egress.")
        hosts += elements(each, "hosts")
    policy = spec.get("outboundTrafficPolicy")
    if policy is not None:
        source.notes.leftovers(policy, ("mode",), source.owner, "outboundTrafficPolicy.")
        tell_outbound(policy.get("mode"), source.notes, source.owner)
    return Sidecar(source, choice(source), hosts if spec.get("egress") is not None else None)


def tell_outbound(mode: Node | None, notes: Notes, owner: str) -> None:
    """What becomes of requests to nobody that is known: always a 404 here."""
    if mode is not None and mode.value == ALLOW_ANY:
        notes.skip("outboundTrafficPolicy: ALLOW_ANY, unknown hosts are a 404", mode.place, owner)
    elif mode is not None:
        what = "outboundTrafficPolicy: unknown hosts are a 404, not a 502"
        notes.approximate(what, mode.place, owner)


def give(found: Sequence[Sidecar], world: World) -> None:
    """Calls to those that sidecars name, which have to be learnt before anybody guesses."""
    for entry, sidecar, hosts in _about(found, world):
        for called in _named(hosts, sidecar.source):
            if called is not entry:
                entry.calls.setdefault(called.name)


def take(found: Sequence[Sidecar], world: World) -> None:
    """No calls to those that sidecars know nothing of, whoever has told of them."""
    entries = world.catalog.entries
    for entry, sidecar, hosts in _about(found, world):
        home = sidecar.source.object.namespace
        lost = [name for name in entry.calls if not _knows(entries[name], hosts, home)]
        for name in lost:
            del entry.calls[name]
        if lost:
            message = f"{sidecar.source.owner} lets {entry.name!r} know nothing of {listed(lost)}"
            world.notes.warn(sidecar.source.object.place, f"{message}: not called")


def _about(
    found: Sequence[Sidecar], world: World
) -> Iterator[tuple[Entry, Sidecar, Sequence[Node]]]:
    """Services, each with the sidecar that is nearest to it and the hosts that it knows."""
    nearest = sorted(found, key=lambda each: -each.choice.nearness)
    for entry in world.catalog.entries.values() if nearest else ():
        mine = next((each for each in nearest if entry.name in each.choice.services), None)
        if mine is not None and mine.hosts is not None and not entry.own and entry.outside is None:
            yield entry, mine, mine.hosts


def _knows(called: Entry, hosts: Sequence[Node], home: str) -> bool:
    names = (called.name, f"{called.name}.{called.namespace}.{DOMAIN}", *called.hosts)
    return any(_covers(host, called.namespace, names, home) for host in hosts)


def _covers(host: Node, namespace: str, names: Sequence[str], home: str) -> bool:
    """``./x`` is in the namespace of the Sidecar, ``*/x`` in any, ``~/x`` in none."""
    where, _, name = host.text().partition("/")
    within = {".": home, "*": namespace}.get(where, where)
    return within == namespace and any(covers(name, each) for each in names)


def _named(hosts: Sequence[Node], source: Source) -> Iterator[Entry]:
    """The services that hosts without a wildcard mean."""
    for host in hosts:
        where, _, name = host.text().partition("/")
        if "*" in name or where == "~":
            continue
        namespace = where if where not in (".", "*") else source.object.namespace
        found = source.world.catalog.lookup(name, namespace)
        if found is None:
            source.notes.warn(host.place, f"no file has the service {name!r}: not called")
        else:
            yield found
