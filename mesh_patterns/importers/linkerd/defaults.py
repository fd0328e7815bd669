"""What annotations of workloads and namespaces say of whoever comes in: ports whose protocol is not
looked at, and whom a workload without a Server lets in.

https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.linkerd import guards
from mesh_patterns.importers.linkerd.servers import Server
from mesh_patterns.importers.linkerd.world import Source, World
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

OPAQUE = "config.linkerd.io/opaque-ports"
INBOUND = "config.linkerd.io/default-inbound-policy"
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")

Namespaces = Mapping[str, Object]


def namespaces(world: World) -> Namespaces:
    """Those whose annotations hold for all in them that say nothing themselves."""
    return {each.name: each for each in world.objects if each.kind == "Namespace"}


def said(name: str, it: Object, known: Namespaces) -> Node | None:
    """An annotation of an object, or of its namespace."""
    found = it.all_annotations().get(name)
    above = known.get(it.namespace)
    return found or (above.annotations.get(name) if above is not None else None)


def opaque(world: World) -> None:
    """Services at such ports speak TCP.

    Raises:
        DocumentError: what should be ports are none.
    """
    known = namespaces(world)
    for it in world.objects:
        node = said(OPAQUE, it, known) if it.is_service() or it.is_workload() else None
        for entry in world.catalog.of.get(it.ref, ()) if node is not None else ():
            port = entry.port if it.is_service() else entry.container_port
            if node is not None and not entry.own and _has(node, port):
                entry.protocol = "tcp"


def _has(node: Node, port: int | None) -> bool:
    for word in node.text().split(","):
        match = _PORTS.fullmatch(word.strip())
        if match is None:
            if word.strip().isidentifier() or not word.strip():
                continue  # a port by its name, which is some other pod's
            raise DocumentError.at(node.place, f"expected ports such as 25,8080-8090, got {word!r}")
        if port is not None and int(match[1]) <= port <= int(match[2] or match[1]):
            return True
    return False


def patterns(servers: Sequence[Server], world: World) -> Iterator[Node]:
    """An ``authorization`` where a default policy lets in less than everybody."""
    known = namespaces(world)
    taken = {target for server in servers for target in server.targets}
    of_workload = {(it.namespace, it.name): it for it in world.objects if it.is_workload()}
    for entry in list(world.catalog.entries.values()):
        if entry.own or entry.name in taken:
            continue
        for target, it, node in _said(entry, of_workload, known):
            if target not in taken:
                made = world.notes.guard(list, _pattern(target, node, Source(it, world)))
                yield from made or ()


def _said(
    entry: Entry, workloads: Mapping[tuple[str, str], Object], known: Namespaces
) -> Iterator[tuple[str, Object, Node]]:
    """Of each version what is said; once where all of them say the same."""
    found: list[tuple[str, Object, Node]] = []
    for variant in entry.variants.values():
        its = (workloads.get((entry.namespace, name)) for name in variant.workloads)
        for it in (each for each in its if each is not None):
            node = said(INBOUND, it, known)
            if node is not None:
                found.append((entry.target(variant), it, node))
                break
    same = len({node.value for *_, node in found if isinstance(node.value, str)}) == 1
    if len(found) == len(entry.variants) and found and same:
        yield (entry.name, *found[0][1:])
    else:
        yield from found


def _pattern(target: str, node: Node, source: Source) -> Iterator[Node]:
    allow = guards.open_to(node, source)
    if {} in allow or node.value == guards.AUDIT:
        return
    place = node.key or node.place
    if allow:
        service = target.partition("/")[0]
        yield Node.of({"pattern": "mtls", "on": service, "mode": "permissive"}, place)
    yield Node.of({"pattern": "authorization", "on": target, "allow": allow}, place)
