"""PeerAuthentication: how callers have to come, with certificates or without.

What is said of a workload wins over what is said of its namespace, and that over what is said of
the mesh; where nothing is said, both ways will do. Istio's sidecars send certificates wherever they
are taken, so the callers here do. https://istio.io/latest/docs/reference/config/security/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, choice, versions
from mesh_patterns.importers.notes import listed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

DEFAULT = "permissive"  # Istio's, where nobody says anything
_MODES = {"STRICT": "strict", "PERMISSIVE": "permissive", "DISABLE": "off"}
_KNOWN = ("selector", "mtls", "portLevelMtls")


@dataclass(frozen=True, slots=True)
class Peer:
    """One policy: whom it is for, and what it says of them, and of single ports."""

    source: Source
    choice: Choice
    mode: Node | None  # ``None``: what is said farther away
    ports: Mapping[str, Node]


def patterns(peers: Sequence[Peer], world: World) -> list[Node]:
    """Mutual TLS of services; of all, where anything in the files takes it for granted."""
    nearest = sorted(peers, key=lambda peer: -peer.choice.nearness)
    entries = (each for each in world.catalog.entries.values() if each.outside is None)
    return [node for entry in entries for node in _of(entry, nearest, world)]


def read(source: Source) -> Peer:
    """What a policy says.

    Raises:
        DocumentError: of a mode that there is none of.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    world = source.world
    world.identified.append(source.object.place)
    mtls, ports = spec.get("mtls"), spec.get("portLevelMtls")
    found = dict(ports.items()) if ports is not None else {}
    by_port = {number: _mode(node) for number, node in found.items()}
    return Peer(
        source,
        choice(source),
        _mode(mtls) if mtls is not None else None,
        {number: mode for number, mode in by_port.items() if mode is not None},
    )


def _mode(node: Node) -> Node | None:
    """``UNSET`` is as if nothing were said."""
    given = node.get("mode")
    if given is None or given.value in (None, "", "UNSET"):
        return None
    name = given.text()
    if name not in _MODES:
        raise DocumentError.at(given.place, f"unknown mode {name!r}, expected {listed(_MODES)}")
    return Node(_MODES[name], given.place)


def _of(entry: Entry, peers: Sequence[Peer], world: World) -> Iterator[Node]:
    """The pattern of a service, if there has to be one."""
    mode = _nearest(entry, peers, world)
    tls = world.tls.get(entry.name)
    if mode is None and (entry.own or not world.identified):
        return
    place = world.identified[0] if mode is None else mode.place
    made = mode or Node(DEFAULT, place)
    if tls is not None and tls.value == "DISABLE" and made.value == "permissive":
        made = Node("off", tls.place)
    elif tls is not None and (tls.value == "DISABLE") != (made.value == "off"):
        message = f"callers of {entry.name!r} come as it wants them to, mutual TLS {made.value}"
        world.notes.warn(tls.place, f"{message}: in Istio they would be refused")
    yield pattern("mtls", entry.name, {"mode": made}, made)


def _nearest(entry: Entry, peers: Sequence[Peer], world: World) -> Node | None:
    """The first mode that is said; of a service whose versions are not all meant, told."""
    for peer in peers:
        if entry.name not in peer.choice.services:
            continue
        mode = _of_port(entry, peer) or peer.mode
        if mode is None:
            continue
        named = peer.choice.services[entry.name]
        if named is not None and set(named) != set(versions(world.catalog, entry.name)):
            whole = f"mutual TLS is of a whole service: it holds for all versions of {entry.name!r}"
            world.notes.warn(mode.place, whole)
        return mode
    return None


def _of_port(entry: Entry, peer: Peer) -> Node | None:
    """What is said of the service's one port, as its workloads know it."""
    for number, mode in peer.ports.items():
        if entry.container_port is not None and str(entry.container_port) == number:
            return mode
        known = "another" if entry.container_port is not None else "an unknown"
        what = f"portLevelMtls: {entry.name!r} has {known} port, so that of {number} is left out"
        peer.source.approximate(what, mode)
    return None
