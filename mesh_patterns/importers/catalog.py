"""The services of a mesh while they are put together, and the names by which they are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.notes import Notes, listed
from mesh_patterns.importers.objects import DEFAULT_NAMESPACE, Object, Ref
from mesh_patterns.importers.outside import Outside
from mesh_patterns.selector import RESERVED
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem

DOMAIN = "svc.cluster.local"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(slots=True)
class Variant:
    """One version: the labels of the workloads that it stands for, and how it is run."""

    name: str
    place: Place
    labels: list[Mapping[str, str]] = field(default_factory=list)
    workloads: list[str] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)  # service accounts, as whom they run
    run: Node | None = None
    env: dict[str, Node] = field(default_factory=dict)
    replicas: Node | None = None
    locality: Node | None = None  # REGION/ZONE/SUBZONE


@dataclass(slots=True)
class Entry:
    """One service. ``own``: a file in our own language has it, so nothing is added to it here.
    ``invented``: no file has it, but a policy names it.
    """

    name: str
    namespace: str
    place: Place
    own: bool = False
    invented: bool = False
    protocol: str = "http"
    doubt: Problem | None = None  # that its port says something else than plain HTTP
    members: set[Ref] = field(default_factory=set)  # its workloads
    variants: dict[str, Variant] = field(default_factory=dict)
    calls: dict[str, None] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    ingress: dict[str, Node] = field(default_factory=dict)  # hosts there
    ingress_tls: Node | None = None  # how these are served with TLS
    port: int | None = None  # of its Service, where one is known: there is one port to a service
    container_port: int | None = None  # of its workloads
    outside: Outside | None = None  # others run it

    def variant(self, name: str, place: Place) -> Variant:
        """The version of that name, made if need be. What had no version gets a name then."""
        if "" in self.variants and name:
            unnamed = self.variants.pop("")
            unnamed.name = next(iter(unnamed.workloads), "") or self.name
            self.variants[unnamed.name] = unnamed
        return self.variants.setdefault(name, Variant(name, place))

    def target(self, variant: Variant) -> str:
        return f"{self.name}/{variant.name}" if variant.name else self.name

    def tree(self) -> Node:
        """This, in our own language."""
        made: dict[str, Any] = {}
        named = {name: _version(each) for name, each in self.variants.items() if name}
        if named:
            made["versions"] = Node(named, self.place)
        elif "" in self.variants:
            made |= dict(_version(self.variants[""]).items())
        if self.calls:
            made["calls"] = list(self.calls)
        protocol = self.outside.protocol if self.outside is not None else self.protocol
        if protocol != "http":
            made["protocol"] = protocol
        if self.outside is not None:
            made["external"] = self.outside.tree()
        if self.ingress:
            place = next(iter(self.ingress.values())).place
            secure = {"tls": self.ingress_tls} if self.ingress_tls is not None else {}
            made["ingress"] = Node.of({"hosts": list(self.ingress.values()), **secure}, place)
        if self.hosts:
            made["hosts"] = list(self.hosts)
        return Node(Node.of(made, self.place).value, self.place, self.place)


@dataclass(frozen=True, slots=True)
class Part:
    """A Service that selects some versions of another: one more name, for these alone."""

    entry: Entry
    versions: tuple[str, ...]
    hosts: tuple[str, ...]
    place: Place

    def targets(self) -> tuple[str, ...]:
        return tuple(f"{self.entry.name}/{version}" for version in self.versions)


def _version(variant: Variant) -> Node:
    made: dict[str, Any] = {}
    if variant.replicas is not None:
        made["replicas"] = variant.replicas
    if variant.locality is not None:
        made["locality"] = variant.locality
    if variant.run is not None:
        made["run"] = variant.run
        if variant.env:
            made["env"] = Node(dict(variant.env), variant.place)
    return Node(Node.of(made, variant.place).value, variant.place, variant.place)


def hosts_of(name: str, namespace: str) -> list[str]:
    """The longer names by which Kubernetes knows a service."""
    short = f"{name}.{namespace}"
    return [short, f"{short}.svc", f"{short}.{DOMAIN}"]


def _check(name: str, place: Place) -> None:
    if not _HOST.fullmatch(name):
        raise DocumentError.at(place, f"{name!r} is no name of a host")


@dataclass(slots=True)
class Catalog:
    """All services. ``of`` tells which ones a Kubernetes object is a part of."""

    notes: Notes
    entries: dict[str, Entry] = field(default_factory=dict)
    of: dict[Ref, list[Entry]] = field(default_factory=dict)
    _by_host: dict[str, Entry] = field(default_factory=dict)
    _short: dict[str, Entry] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    egress: Place | None = None  # what says that a gateway is before all that is outside
    _part_of: dict[str, Part] = field(default_factory=dict)  # by host

    @property
    def described(self) -> bool:
        """Whether the files say of any service that it is there."""
        return any(not entry.invented for entry in self.entries.values())

    def own(self, name: str, node: Node) -> None:
        """A service of our own language, as far as others need to know it."""
        place = node.key or node.place
        entry = Entry(name, DEFAULT_NAMESPACE, place, own=True)
        versions = node.get("versions")
        for version in versions.value if versions and isinstance(versions.value, dict) else ():
            entry.variants[version] = Variant(version, place, [{"version": version}])
        calls = node.get("calls")
        for callee in calls.value if calls and isinstance(calls.value, tuple) else ():
            entry.calls.setdefault(str(callee.value))
        hosts = node.get("hosts")
        for host in hosts.value if hosts and isinstance(hosts.value, tuple) else ():
            self._by_host[str(host.value)] = entry
        self.entries[name] = entry
        self._register(name, entry)

    def add(self, name: str, namespace: str, place: Place) -> Entry:
        """A new service; where its name is taken, it is known by its namespace too.

        Raises:
            DocumentError: no service can have that name.
        """
        _check(name, place)
        hosts = hosts_of(name, namespace)
        free = name not in self.entries and name not in RESERVED
        entry = Entry(name if free else hosts[0], namespace, place, hosts=hosts[not free :])
        if name in RESERVED:
            entry.hosts.append(name)
            self.notes.warn(place, f"{name!r} means something else here: called {entry.name!r}")
        elif not free:
            first = self.entries[name].place
            self.notes.warn(place, f"another {name!r} is at {first}: this is {entry.name!r}")
        self.entries[entry.name] = entry
        self._register(name, entry)
        return entry

    def outside(self, names: Sequence[str], namespace: str, place: Place) -> Entry:
        """A service of the world outside, by all its names."""
        entry = Entry(names[0], namespace, place, hosts=list(dict.fromkeys(names[1:])))
        self.entries[entry.name] = entry
        for name in names:
            self._by_host.setdefault(name, entry)
        return entry

    def _register(self, name: str, entry: Entry) -> None:
        self._short.setdefault(name, entry)
        for host in hosts_of(name, entry.namespace):
            self._by_host.setdefault(host, entry)

    def alias(self, entry: Entry, name: str, namespace: str) -> None:
        """One more name for a service: two Services that select the same workloads."""
        self._short.setdefault(name, entry)
        names = [host for host in (name, *hosts_of(name, namespace)) if host not in entry.hosts]
        entry.hosts.extend(names)
        for host in names[1:]:
            self._by_host.setdefault(host, entry)

    def add_part(self, entry: Entry, versions: Sequence[str], service: Object) -> None:
        """A name for some versions of ``entry``."""
        short = service.name not in self.entries and service.name not in self._part_of
        hosts = [service.name][:short] + hosts_of(service.name, service.namespace)
        part = Part(entry, tuple(versions), tuple(hosts), service.place)
        self.parts.append(part)
        self._part_of |= dict.fromkeys(hosts, part)
        self.of[service.ref] = [entry]

    def part(self, host: str, namespace: str) -> Part | None:
        """The part of a service that ``host`` means to somebody in ``namespace``."""
        if f"{host}.{namespace}" in self._by_host:
            return None
        return self._part_of.get(f"{host}.{namespace}") or self._part_of.get(host)

    def lookup(self, host: str, namespace: str) -> Entry | None:
        """The service that ``host`` means to somebody in ``namespace``."""
        part = self.part(host, namespace)
        if part is not None:
            return part.entry
        near = self._by_host.get(f"{host}.{namespace}")
        return near or self._by_host.get(host) or self.entries.get(host) or self._short.get(host)

    def find(self, host: Node, namespace: str) -> Entry:
        """The service that a policy names; one that no file has is made up, and told of."""
        name = host.text()
        _check(name, host.place)
        entry = self.lookup(name, namespace)
        if entry is None:
            return self._invent(name, namespace, host.place)
        if "." not in name and entry.namespace != namespace and not entry.own:
            message = f"no {name!r} in namespace {namespace!r}: taken for {entry.hosts[0]!r}"
            self.notes.warn(host.place, message)
        return entry

    def _invent(self, host: str, namespace: str, place: Place) -> Entry:
        name, _, rest = host.partition(".")
        inside = not rest or rest.endswith((".svc", f".{DOMAIN}"))
        if inside:
            entry = self.add(name, rest.partition(".")[0] or namespace, place)
        else:  # a name of the world outside
            entry = self.outside([host], namespace, place)
        entry.invented = True
        return entry

    def tree(self) -> Node:
        """``mesh:`` in our own language, without what our own files say themselves."""
        services = {entry.name: entry.tree() for entry in self._foreign()}
        first = next(iter(services.values()), Node(None, Place("")))
        made: dict[str, Any] = {"services": Node(dict(services), first.place)}
        if self.egress is not None:
            made["egress"] = Node(True, self.egress)
        return Node.of(made, first.place)

    def _foreign(self) -> Iterator[Entry]:
        return (entry for entry in self.entries.values() if not entry.own)

    def tell_echoes(self) -> None:
        """Say for whom the echo stands in."""
        silent = [
            (variant, entry)
            for entry in self._foreign()
            for variant in entry.variants.values()
            if variant.run is None and variant.workloads
        ]
        if silent:
            verb = "workload has" if len(silent) == 1 else "workloads have"
            message = f"{len(silent)} {verb} no local command: the echo stands in"
            self.notes.warn(silent[0][0].place, message)
        for entry in self._foreign():
            if entry.doubt is not None and entry.protocol == "http":
                self.notes.warn(entry.doubt.place, entry.doubt.message)
            if entry.invented:
                self._tell_invented(entry, [name for name in entry.variants if name])

    def _tell_invented(self, entry: Entry, versions: Sequence[str]) -> None:
        as_versions = f", as {listed(versions)}" if versions else ""
        message = f"no file has the service {entry.name!r}: the echo stands in{as_versions}"
        self.notes.warn(entry.place, message)
