"""The services of a mesh as Kubernetes knows them: names, namespaces, and what it can't say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mesh_patterns.draft import Draft, Rule
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.external import External
from mesh_patterns.importers.catalog import DOMAIN, hosts_of
from mesh_patterns.importers.kubernetes import MAX_REPLICAS
from mesh_patterns.importers.objects import DEFAULT_NAMESPACE
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Ingress, Mesh, Service, Version
from mesh_patterns.selector import RESERVED
from mesh_yaml.place import DocumentError, Place

_END = f".{DOMAIN}"
OUTSIDE_PROTOCOLS = {"http": "HTTP", "grpc": "GRPC", "tls": "TLS", "tcp": "TCP"}  # Istio's words
OUTSIDE = frozenset({INGRESS, EGRESS})  # callers that are no sidecars


@dataclass(frozen=True, slots=True)
class Part:
    """One more Service, for some versions of another."""

    name: str
    namespace: str
    versions: tuple[str, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Known:
    """A service by the name and namespace that its object has; ``aliases`` are Services of the same
    workloads.
    """

    service: Service
    name: str
    namespace: str
    aliases: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    outside: bool = False  # others run it

    @property
    def host(self) -> str:
        """The name by which objects of the default namespace refer to it."""
        return self.name if self.namespace == DEFAULT_NAMESPACE else self.hosts[-1]

    @property
    def hosts(self) -> list[str]:
        return [host.lower() for host in hosts_of(self.name, self.namespace)]

    @property
    def principal(self) -> str:
        return f"cluster.local/ns/{self.namespace}/sa/{self.name}"

    def labels(self, version: str | None = None) -> dict[str, str]:
        """Those of its workloads, or of one version's."""
        return {"app": self.name} | ({"version": version} if version else {})

    def metadata(self, name: str = "") -> dict[str, str]:
        """Of an object about it."""
        made = {"name": object_name(name or self.name)}
        far = self.namespace != DEFAULT_NAMESPACE
        return made | ({"namespace": self.namespace} if far else {})


def object_name(text: str) -> str:
    """A text as the name of an object: small letters, digits and dashes."""
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in text.lower())


def known(service: Service, parts: tuple[Part, ...] = ()) -> Known:
    """A service by what its names tell of where it comes from."""
    found = list(_kubernetes(service.hosts))
    mine = {(name, namespace) for name, namespace in found if _is_own(service, name, namespace)}
    name, namespace = next(
        (pair for pair in found if pair in mine), (service.name, DEFAULT_NAMESPACE)
    )
    aliases = tuple(n for n, space in found if (n, space) not in mine and space == namespace)
    outside = service.external is not None
    return Known(service, _spelt(service.name, name), namespace, aliases, parts, outside)


def _spelt(name: str, lowered: str) -> str:
    """Hosts are in small letters, names need not be."""
    return name if name.lower() == lowered else lowered


def _kubernetes(hosts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names and namespaces of Services among the names of hosts."""
    for host in hosts:
        name, dot, namespace = host.removesuffix(_END).partition(".")
        if host.endswith(_END) and dot and "." not in namespace:
            yield name, namespace


def _is_own(service: Service, name: str, namespace: str) -> bool:
    return service.name.lower() in (name, f"{name}.{namespace}")


def fitted(
    draft: Draft, losses: Losses, *, ingress: bool = False, outside: bool = False
) -> tuple[Mesh, list[Known]]:
    """The mesh as Kubernetes describes it, and its services by their objects' names; with an
    ``ingress`` and services ``outside``, where the dialect has them.
    """
    mesh = draft.mesh
    if not mesh.services:
        raise DocumentError.at(Place(mesh.name), "has no services to export")
    first = next(iter(mesh.services.values())).place
    if mesh.dataplane != "sidecar":
        losses.lost(f"dataplane: {mesh.dataplane}", first)
    if mesh.egress:
        losses.lost("egress: true", first)
    all_known: list[Known] = []
    taken: set[str] = set()
    for service in _said(mesh, losses, outside):
        here = known(service, tuple(_parts(draft, service)))
        free = here.name not in taken and here.name not in RESERVED
        made = replace(
            _fitted(service, losses), hosts=tuple(_hosts(here, free, losses)),
            ingress=_ingress(service, losses, ingress),
        )  # fmt: skip
        taken.add(here.name)
        all_known.append(replace(here, service=made))
    all_known.sort(key=lambda each: each.outside)  # an import learns of those last
    services = {each.service.name: each.service for each in all_known}
    return replace(mesh, services=services, dataplane="sidecar", egress=False), all_known


def _said(mesh: Mesh, losses: Losses, outside: bool) -> Iterator[Service]:
    """The services that there are, and of their calls those that lead to one."""
    gone = {s.name for s in mesh.services.values() if s.external is not None and not outside}
    for service in mesh.services.values():
        if service.name in gone and service.external is not None:
            losses.lost("a service that others run", service.external.place)
        else:
            yield replace(service, calls=tuple(n for n in service.calls if n not in gone))


def _hosts(here: Known, free: bool, losses: Losses) -> list[str]:
    found = here.hosts[not free :]
    if here.name in RESERVED:
        found.append(here.name)
    for alias in here.aliases:
        found += [alias, *hosts_of(alias, here.namespace)]
    narrow = {host for part in here.parts for host in part.rule.hosts}
    for host in here.service.hosts:
        if host not in (*found, *narrow, here.service.name.lower()):
            losses.lost(f"the name {host!r} of {here.service.name!r}", here.service.place)
    return found


def _fitted(service: Service, losses: Losses) -> Service:
    if service.external is not None:
        return _outside(service, service.external, losses)
    if service.proxyless:
        losses.lost("dataplane: grpc", service.place)
    versions = tuple(_version(each, losses) for each in service.versions)
    return replace(service, versions=versions, dataplane="sidecar")


def _outside(service: Service, external: External, losses: Losses) -> Service:
    """What others run, as far as it is written: where it is, and what it speaks."""
    if external.tls is not None:
        losses.changed("external.tls: callers send plaintext", external.place)
    if service.protocol not in OUTSIDE_PROTOCOLS:
        losses.changed(f"protocol: {service.protocol} outside is TCP", external.place)
    protocol = service.protocol if service.protocol in OUTSIDE_PROTOCOLS else "tcp"
    return replace(service, external=replace(external, tls=None), protocol=protocol)


def _version(version: Version, losses: Losses) -> Version:
    said = {"locality": version.locality, "priority": version.priority, "weight": version.weight}
    losses.all_lost(", ".join(name for name, value in said.items() if value),
                    [version.place] if any(said.values()) else [])  # fmt: skip
    if version.replicas > MAX_REPLICAS:
        message = f"replicas: {version.replicas}: an import runs {MAX_REPLICAS} of them"
        losses.changed(message, version.place)
    return replace(
        version, port=None, locality=(), priority=0, weight=None,
        replicas=min(version.replicas, MAX_REPLICAS),
    )  # fmt: skip


def _ingress(service: Service, losses: Losses, kept: bool) -> Ingress | None:
    found = service.ingress
    if found is None:
        return None
    if not kept or not service.requests:
        losses.lost("ingress" if not kept else f"ingress of {service.protocol}", found.place)
        return None
    if found.tls is not None:
        message = "ingress.tls: its certificate has to be a Secret there; here it is plain text"
        losses.changed(message, found.place)
    return Ingress(found.place, None, found.hosts)


def _parts(draft: Draft, service: Service) -> Iterator[Part]:
    """Names for some versions, as every caller's rules have them."""
    edges = [each for each in draft.edges_to(service.name) if each.caller not in OUTSIDE]
    client = draft.edges.get((CLIENT, service.name))
    for rule in client.rules if client else ():
        pairs = list(_kubernetes(rule.hosts))
        if len(pairs) == 1 and _is_part(rule, service):
            same = all(any(alike(rule, other) for other in edge.rules) for edge in edges)
            if same:
                versions = tuple(each.target.version or "" for each in rule.split)
                yield Part(*pairs[0], versions, rule)


def _is_part(rule: Rule, service: Service) -> bool:
    targets = [each.target for each in rule.split]
    mine = all(t.service == service.name and t.version and t.replica is None for t in targets)
    even = len({each.weight for each in rule.split}) == 1
    return bool(targets) and mine and even and not rule.match and not rule.settings


def alike(one: Rule, other: Rule) -> bool:
    """Whether two rules say the same; lines are another matter."""
    return meaning(one) == meaning(other)


def meaning(rule: Rule) -> tuple[object, ...]:
    """What a rule says, to be compared."""
    values: Mapping[str, object] = {name: each.value for name, each in rule.settings.items()}
    return (rule.match, rule.hosts, rule.split, sorted(values.items(), key=lambda item: item[0]))
