"""Server: workloads by their labels, at a port, and who may come in without being named.

https://linkerd.io/2/reference/authorization-policy/#server
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kubernetes import APP
from mesh_patterns.importers.linkerd.world import Source
from mesh_patterns.importers.objects import Object, texts
from mesh_patterns.importers.selection import selector, with_holds
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_KNOWN = ("podSelector", "port", "proxyProtocol", "accessPolicy", "externalWorkloadSelector")
_SPEAKS = {"gRPC": "grpc", "opaque": "tcp", "TLS": "tls"}
_PROTOCOLS = ("unknown", "HTTP/1", "HTTP/2", *_SPEAKS)


@dataclass(frozen=True, slots=True)
class Server:
    """A Server that was read; ``targets`` are services, or versions of them."""

    source: Source
    targets: tuple[str, ...]

    @property
    def policy(self) -> Node | None:
        found = self.source.object.spec.get("accessPolicy")
        return found if found is not None and found.value is not None else None


def read(source: Source) -> Server:
    """A Server, at the services whose one port it is for.

    Raises:
        DocumentError: it has no selector, no port, or a protocol that there is not.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    if (outside := spec.get("externalWorkloadSelector")) is not None:
        source.skip("externalWorkloadSelector", outside)
        return Server(source, ())
    labels, port = needed(spec, "podSelector", source.owner), needed(spec, "port", source.owner)
    selected = tuple(dict.fromkeys(_selected(labels, source)))
    if not selected:
        source.notes.warn(labels.place, f"{source.owner} selects no workload here")
    targets = tuple(name for name in selected if _is_meant(port, name, source))
    for name in targets:
        _speaks(_entry(name, source), source)
    return Server(source, targets)


def _entry(target: str, source: Source) -> Entry:
    return source.world.catalog.entries[target.partition("/")[0]]


def _selected(labels: Node, source: Source) -> Iterator[str]:
    holds, catalog = selector(labels), source.world.catalog
    namespace = source.object.namespace
    found = list(with_holds(catalog, namespace, lambda it: any(map(holds, it.labels))))
    yield from found
    given = texts(labels.get("matchLabels"))
    app = next((given[name] for name in APP if given.get(name)), None)
    if found or app is None:
        return
    entry = catalog.lookup(app, namespace)
    if entry is None and catalog.described:
        return
    # workloads that no file has: the service that is called as their app is
    yield (entry or catalog.find(Node(app, labels.place), namespace)).name


def _is_meant(port: Node, target: str, source: Source) -> bool:
    """Whether it is the service's one port, as far as files say which that is."""
    entry = _entry(target, source)
    given = port.value if isinstance(port.value, int) else _number(port.text(), entry, source)
    if entry.container_port in (None, given) or given is None:
        return True
    what = f"a Server of another port than {entry.container_port}, the one of {entry.name!r}"
    source.approximate(f"not imported yet: {what}", port)
    return False


def _number(name: str, entry: Entry, source: Source) -> int | None:
    """A port of the service's workloads, by its name."""
    members = (each for each in source.world.objects if each.ref in entry.members)
    for port in (port for each in members for port in _ports(each)):
        number = port.get("containerPort")
        if text(port, "name") == name and number is not None and isinstance(number.value, int):
            return number.value
    return None


def _ports(workload: Object) -> Iterator[Node]:
    pod: Node | None = workload.spec
    if (template := workload.spec.get("template")) is not None:
        pod = template.get("spec")
    for container in elements(pod, "containers") if pod is not None else ():
        yield from elements(container, "ports")


def _speaks(entry: Entry, source: Source) -> None:
    node = source.object.spec.get("proxyProtocol")
    if node is None or node.value is None or entry.own:
        return
    if node.text() not in _PROTOCOLS:
        message = f"unknown proxyProtocol {node.text()!r}{suggest(node.text(), _PROTOCOLS)}"
        raise DocumentError.at(node.place, message)
    entry.protocol = _SPEAKS.get(node.text(), entry.protocol)
