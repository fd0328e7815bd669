"""Who is let in: identities of MeshTLSAuthentications, networks of NetworkAuthentications.

Of several that are required all have to hold.
https://linkerd.io/2/reference/authorization-policy/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.linkerd.world import Source
from mesh_patterns.policy import ANYBODY
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_CLIENTS = 500  # that one policy comes to
_HERE = ipaddress.ip_address("127.0.0.1")  # where everybody on this machine comes from
_KINDS = ("MeshTLSAuthentication", "NetworkAuthentication", "ServiceAccount")
_IDENTITY = ".serviceaccount.identity."  # in Linkerd's: ACCOUNT.NAMESPACE.serviceaccount.…


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody: of these names (``None``: also who has none), from this network (``None``: any)."""

    names: frozenset[str] | None = None
    network: Network | None = None
    but: tuple[Network, ...] = ()

    def access(self) -> dict[str, Any]:
        """What an authorization asks of him."""
        made: dict[str, Any] = {"from": sorted(self.names)} if self.names is not None else {}
        if self.network is not None:
            made["ip_blocks"] = [str(self.network)]
        if self.but:
            made["not"] = {"ip_blocks": [*map(str, self.but)]}
        return made


def required(nodes: Sequence[Node], source: Source) -> list[Client]:
    """Who holds all of ``requiredAuthenticationRefs``: anybody where there are none.

    Raises:
        DocumentError: one is of no known kind, or all come to too much.
    """
    found = [Client()]
    for node in nodes:
        other = list(_of_ref(node, source))
        if len(found) * len(other) > MAX_CLIENTS:
            message = f"authentications come to at most {MAX_CLIENTS} clients, got more"
            raise DocumentError.at(node.place, message)
        found = [both for one in found for two in other if (both := _both(one, two)) is not None]
    return found


def _of_ref(node: Node, source: Source) -> Iterator[Client]:
    name, kind = needed(node, "name", "an authentication"), needed(node, "kind", "a reference")
    namespace = text(node, "namespace", source.object.namespace)
    if kind.text() == "ServiceAccount":
        yield from named(_of_account(name, namespace, source))
        return
    if kind.text() not in _KINDS:
        message = f"unknown kind {kind.text()!r}{suggest(kind.text(), _KINDS)}"
        raise DocumentError.at(kind.place, message)
    found = source.world.find(kind.text(), namespace, name.text())
    if found is None:
        message = f"no file has the {kind.text()} {name.text()!r}: it lets nobody in"
        source.notes.warn(name.place, message)
        return
    its = Source(found, source.world)
    if kind.text() == "NetworkAuthentication":
        source.notes.leftovers(found.spec, ("networks",), its.owner)
        yield from networks(its.list("networks"), its)
        return
    source.notes.leftovers(found.spec, ("identities", "identityRefs"), its.owner)
    yield from named([*identities(its.list("identities"), its), *_of_refs(its)])


def named(names: Iterable[str]) -> Iterator[Client]:
    """Those of these names; nobody if there are none."""
    found = frozenset(names)
    if found:
        yield Client(frozenset({ANYBODY}) if ANYBODY in found else found)


def _of_refs(source: Source) -> Iterator[str]:
    for node in source.list("identityRefs"):
        namespace = text(node, "namespace", source.object.namespace)
        kind = text(node, "kind", "ServiceAccount")
        if kind == "Namespace":
            place = needed(node, "name", "an identityRef")
            yield from _names(f"*.{place.text()}", place, source)
        elif kind == "ServiceAccount":
            yield from _of_account(needed(node, "name", "an identityRef"), namespace, source)
        else:
            message = f"unknown kind {kind!r}{suggest(kind, _KINDS)}"
            raise DocumentError.at(node.place, message)


def _of_account(name: Node, namespace: str, source: Source) -> Iterator[str]:
    return _names(f"{name.text()}.{namespace}", name, source)


def identities(nodes: Iterable[Node], source: Source) -> Iterator[str]:
    """The names of those who have an identity; ``*`` is whoever has one."""
    for node in nodes:
        if node.text() == "*":
            yield ANYBODY
        else:
            yield from _names(node.text().partition(_IDENTITY)[0], node, source)


def accounts(nodes: Iterable[Node], source: Source) -> Iterator[str]:
    """The names of those who run as service accounts."""
    for node in nodes:
        namespace = text(node, "namespace", source.object.namespace)
        yield from _of_account(needed(node, "name", "a service account"), namespace, source)


def _names(wanted: str, node: Node, source: Source) -> Iterator[str]:
    """``ACCOUNT.NAMESPACE``, or ``*.NAMESPACE`` for all accounts there."""
    catalog = source.world.catalog
    found = source.world.people(wanted)
    yield from found
    if found:
        return
    account, _, namespace = wanted.partition(".")
    if not catalog.described and account != "*":
        yield catalog.find(Node(account, node.place), namespace or "default").name
        return
    source.notes.warn(node.place, f"no workload here has the identity {node.text()!r}")


def networks(nodes: Sequence[Node], source: Source) -> Iterator[Client]:
    """Who comes from one of these networks, and from none of those that are excepted.

    Raises:
        DocumentError: one is no network.
    """
    found: list[Client] = []
    for node in nodes:
        source.notes.leftovers(node, ("cidr", "except"), source.owner, "networks.")
        but = tuple(_network(each) for each in elements(node, "except"))
        found.append(Client(None, _network(needed(node, "cidr", "a network")), but))
    if found and not any(_is_here(each) for each in found):
        message = "everybody here comes from 127.0.0.1, which is in none of these networks"
        source.notes.warn(nodes[0].place, message)
    yield from found


def _is_here(client: Client) -> bool:
    assert client.network is not None
    return _HERE in client.network and not any(_HERE in each for each in client.but)


def _network(node: Node) -> Network:
    try:
        return ipaddress.ip_network(node.text(), strict=False)
    except ValueError:
        wanted = "expected an address or a network such as 10.0.0.0/8"
        raise DocumentError.at(node.place, f"{wanted}, got {node.kind}") from None


def _both(one: Client, two: Client) -> Client | None:
    """Who is both; ``None`` if that is nobody."""
    if one.names is None or two.names is None:
        names = one.names if two.names is None else two.names
    elif ANYBODY in one.names or ANYBODY in two.names:
        names = one.names if ANYBODY in two.names else two.names
    else:
        names = one.names & two.names
    if names is not None and not names:
        return None
    network = _narrower(one.network, two.network)
    if network is None and None not in (one.network, two.network):
        return None
    return Client(names, network, one.but + two.but)


def _narrower(one: Network | None, two: Network | None) -> Network | None:
    """What both have in common: networks are in each other, or apart."""
    if one is None or two is None:
        return one or two
    if one.version != two.version or not one.overlaps(two):
        return None
    return one if one.prefixlen >= two.prefixlen else two
