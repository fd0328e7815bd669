"""``on:`` and ``to:``: the names by which patterns point at services, edges and versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mesh_patterns.draft import Draft, Edge, Target
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Mesh
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.suggest import suggest

ANY = "*"
MESH = "mesh"  # every caller but the gateways, as the gateway of that name is in Istio
RESERVED = frozenset({INGRESS, EGRESS, CLIENT, MESH})


def service(mesh: Mesh, name: str, place: Place) -> str:
    """``name``, if it is a service of the mesh, or the service that has it among its hosts."""
    if name in mesh.services:
        return name
    for candidate in mesh.services.values():
        if name.lower() in candidate.hosts:
            return candidate.name
    raise DocumentError.at(place, f"no service {name!r}{suggest(name, mesh.services)}")


def target(mesh: Mesh, text: str, place: Place, within: str | None = None) -> Target:
    """``v2`` (a version of ``within``), ``reviews``, ``reviews/v2``, or of it ``reviews/v2#3``."""
    text, sharp, number = text.partition("#")
    whole = _version(mesh, text, place, within)
    return _replica(mesh, whole, number, place) if sharp else whole


def _replica(mesh: Mesh, of: Target, number: str, place: Place) -> Target:
    versions = mesh.services[of.service].versions
    if of.version is None and len(versions) > 1:
        names = ", ".join(f"{of}/{each.name}#{number}" for each in versions[:3])
        raise DocumentError.at(place, f"{of.service!r} has versions; say which: {names}")
    version = versions[0] if of.version is None else mesh.services[of.service].version(of.version)
    assert version is not None
    found = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    if not 1 <= found <= version.replicas:
        there = f"{of} has {version.replicas}, the first is {of}#1"
        raise DocumentError.at(place, f"no replica {number!r}: {there}")
    return Target(of.service, version.name, found)


def _version(mesh: Mesh, text: str, place: Place, within: str | None) -> Target:
    name, slash, version = text.partition("/")
    if not slash and within is not None and mesh.services[within].version(name):
        return Target(within, name)
    if not slash and within is not None and name not in mesh.services:
        versions = [item.name for item in mesh.services[within].versions if item.name]
        message = f"{within!r} has no version {name!r}, and there is no service of that name"
        raise DocumentError.at(place, message + suggest(name, [*versions, *mesh.services]))
    known = mesh.services[service(mesh, name, place)]
    if slash and not known.version(version):
        versions = [item.name for item in known.versions if item.name]
        raise DocumentError.at(
            place, f"{known.name!r} has no version {version!r}{suggest(version, versions)}"
        )
    return Target(known.name, version if slash else None)


def speaking_grpc(mesh: Mesh, text: str, place: Place) -> Target:
    """A target that is asked by gRPC. Raises DocumentError, as :func:`target`, for another."""
    found = target(mesh, text, place)
    if mesh.services[found.service].protocol != "grpc":
        message = f"{found.service!r} has to speak gRPC; give it 'protocol: grpc'"
        raise DocumentError.at(place, message)
    return found


def edges(draft: Draft, text: str, place: Place) -> list[Edge]:
    """The edges that ``on: a -> b``, ``on: b`` or ``on: '*'`` stand for; never none.

    Raises:
        DocumentError: an end is not there, or the one does not call the other.
    """
    caller, arrow, callee = (part.strip() for part in text.rpartition("->"))
    if "/" in callee:
        raise DocumentError.at(place, f"an edge ends at a service, not at a version: {callee!r}")
    starts = _callers(draft.mesh, caller if arrow else ANY, place)
    there: Iterable[Edge] = (
        draft.edges.values()
        if callee == ANY
        else draft.edges_to(service(draft.mesh, callee, place))
    )
    found = [edge for edge in there if starts(edge.caller)]
    if not found:
        raise DocumentError.at(place, not_called(caller, callee))
    return found


def _callers(mesh: Mesh, caller: str, place: Place) -> Callable[[str], bool]:
    """Whether somebody is among those that ``caller`` stands for."""
    if caller == ANY:
        return lambda name: True
    if caller == MESH:
        return lambda name: name not in (INGRESS, EGRESS)
    wanted = caller if caller in RESERVED else service(mesh, caller, place)
    return lambda name: name == wanted


def not_called(caller: str, callee: str) -> str:
    """Why there is no such edge, and what would make it one."""
    if caller == INGRESS:
        return f"{callee!r} is not at the ingress; give it 'ingress: true'"
    if caller == EGRESS:
        return f"{callee!r} is not behind an egress gateway; that takes 'egress: true' of the mesh"
    return f"{caller!r} does not call {callee!r}; add it to the 'calls' of {caller!r}"


def is_edge(text: str) -> bool:
    return "->" in text


def inbound(mesh: Mesh, text: str, place: Place) -> list[Target]:
    """The workloads that ``on: b``, ``on: b/v2``, ``on: a -> b`` or ``on: '*'`` stand for."""
    callee = text.rpartition("->")[2].strip()
    if callee == ANY:
        return [Target(name) for name, each in mesh.services.items() if not each.external]
    found = target(mesh, callee, place)
    if mesh.services[found.service].external:
        message = f"{found.service!r} is external: no Envoy of the mesh is in front of it"
        raise DocumentError.at(place, message)
    return [found]
