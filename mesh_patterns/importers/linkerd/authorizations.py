"""AuthorizationPolicy and ServerAuthorization: who is let in at which Server, or at which route.

https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.linkerd import authentications
from mesh_patterns.importers.linkerd.authentications import Client
from mesh_patterns.importers.linkerd.world import Source
from mesh_patterns.importers.objects import ROUTES, Object
from mesh_patterns.importers.selection import selector
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_KNOWN = ("targetRef", "requiredAuthenticationRefs")
_TARGETS = ("Server", "HTTPRoute", "GRPCRoute", "Namespace")


@dataclass(frozen=True, slots=True)
class Grant:
    """Clients who are let in at whatever ``covers`` holds of: a Server, or a route."""

    covers: Callable[[Object], bool]
    clients: tuple[Client, ...]
    source: Source


def of_policy(source: Source) -> Grant:
    """What an AuthorizationPolicy grants.

    Raises:
        DocumentError: its target is of no known kind.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    goal = needed(spec, "targetRef", source.owner)
    kind, name = needed(goal, "kind", "a targetRef"), needed(goal, "name", "a targetRef")
    if kind.text() not in _TARGETS:
        message = f"unknown kind {kind.text()!r}{suggest(kind.text(), _TARGETS)}"
        raise DocumentError.at(kind.place, message)
    clients = authentications.required(source.list("requiredAuthenticationRefs"), source)
    namespace = source.object.namespace
    if kind.text() == "Namespace":
        within = name.text()
        return Grant(lambda it: it.kind == "Server" and it.namespace == within, (*clients,), source)
    if source.world.find(kind.text(), namespace, name.text()) is None:
        message = f"no file has the {kind.text()} {name.text()!r}: {source.owner} is for nothing"
        source.notes.warn(name.place, message)
    wanted = (kind.text(), namespace, name.text())
    return Grant(lambda it: (it.kind, it.namespace, it.name) == wanted, (*clients,), source)


def of_server_authorization(source: Source) -> Grant:
    """What a ServerAuthorization grants.

    Raises:
        DocumentError: it names no Server, or no client.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, ("server", "client"), source.owner)
    server, client = needed(spec, "server", source.owner), needed(spec, "client", source.owner)
    return Grant(_servers(server, source), tuple(_clients(client, source)), source)


def _servers(node: Node, source: Source) -> Callable[[Object], bool]:
    namespace, name, chosen = source.object.namespace, text(node, "name"), node.get("selector")
    if not name and chosen is None:
        raise DocumentError.at(node.place, "expected one of name and selector")
    holds = selector(chosen) if chosen is not None else lambda labels: False

    def covers(it: Object) -> bool:
        meant = it.name == name if name else holds(it.labels)
        return it.kind == "Server" and it.namespace == namespace and meant

    return covers


def _clients(node: Node, source: Source) -> Iterator[Client]:
    known = ("networks", "unauthenticated", "meshTLS")
    source.notes.leftovers(node, known, source.owner, "client.")
    nets = elements(node, "networks")
    places = list(authentications.networks(nets, source)) if nets else [Client()]
    for one in _identified(node, source):
        yield from (replace(place, names=one.names) for place in places)


def _identified(node: Node, source: Source) -> Iterator[Client]:
    open_, mesh = node.get("unauthenticated"), node.get("meshTLS")
    if open_ is not None and open_.value is True:
        yield Client()
        return
    if mesh is None or mesh.value is None:
        return
    known = ("unauthenticatedTLS", "identities", "serviceAccounts")
    source.notes.leftovers(mesh, known, source.owner, "meshTLS.")
    if (tls := mesh.get("unauthenticatedTLS")) is not None and tls.value is True:
        source.approximate("unauthenticatedTLS: for plaintext too", tls)
        yield Client()
        return
    found = [*authentications.identities(elements(mesh, "identities"), source)]
    found += authentications.accounts(elements(mesh, "serviceAccounts"), source)
    yield from authentications.named(found)


def at(it: Object, grants: Sequence[Grant]) -> list[Client]:
    """Who is let in at a Server, or at a route."""
    return [client for grant in grants if grant.covers(it) for client in grant.clients]


def routes_at(server: Object, objects: Sequence[Object]) -> list[Object]:
    """The routes that are attached to a Server."""
    return [
        each
        for each in objects
        if each.kind in ROUTES and any(_is_parent(ref, server) for ref in _parents(each))
        if each.namespace == server.namespace
    ]


def _parents(route: Object) -> Sequence[Node]:
    found = route.spec.get("parentRefs")
    return found.value if found is not None and isinstance(found.value, tuple) else ()


def _is_parent(ref: Node, server: Object) -> bool:
    kind, name = ref.get("kind"), ref.get("name")
    return (kind is not None and kind.value == "Server") and (
        name is not None and name.value == server.name
    )
