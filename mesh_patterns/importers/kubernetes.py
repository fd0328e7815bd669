"""Kubernetes workloads and Services become the services of the mesh.

A Service with the workloads that it selects is a service; their label ``version`` tells versions
apart. A workload that no Service selects is a service of its own, together with those that carry
the same ``app`` label and another version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.notes import Notes, listed
from mesh_patterns.importers.objects import ISTIO, Object, Ref, texts
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Problem
from mesh_yaml.suggest import suggest

MAX_REPLICAS = 3  # of a workload, that run on this machine; files for clusters ask for hundreds
RUN = "meshloom/run"  # the annotation that gives a workload a local command
PROTOCOL = "meshloom/protocol"  # that of a Service, what it speaks if it is neither HTTP nor gRPC
VERSION = "version"
_LOCALITY = "istio-locality"  # a label: REGION.ZONE.SUBZONE
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
APP = ("app", "app.kubernetes.io/name", "custom.app")
# https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
_OTHER_PROTOCOLS = frozenset({"tcp", "tls", "https", "udp", "mongo", "mysql", "redis"})


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload: the object, and what its pod template says."""

    object: Object
    labels: Mapping[str, str]
    pod: Node
    replicas: Node | None = None  # where there are several, as many as are to run here

    @property
    def version(self) -> str:
        return self.labels.get(VERSION, "")

    @property
    def app(self) -> str:
        return next((self.labels[name] for name in APP if name in self.labels), "")

    def containers(self) -> tuple[Node, ...]:
        found = self.pod.get("containers")
        return found.elements() if found else ()

    def ports(self) -> list[Node]:
        each = (container.get("ports") for container in self.containers())
        return [port for ports in each if ports for port in ports.elements()]

    @property
    def account(self) -> str:
        """The service account that it runs as."""
        found = self.pod.get("serviceAccountName") or self.pod.get("serviceAccount")
        return found.text() if found is not None and found.value else "default"

    def locality(self) -> Node | None:
        """Where it runs, by its labels or as a WorkloadEntry says."""
        told = self.object.spec.get("locality") if self.object.family == ISTIO else None
        if told is not None and told.value:
            return told
        parts = [self.labels.get(name, "") for name in _TOPOLOGY]
        found = self.labels.get(_LOCALITY, "").replace(".", "/") or "/".join(filter(None, parts))
        return Node(found, self.object.place) if found else None

    def run(self) -> Node | None:
        return self.object.annotations.get(RUN)

    def env(self) -> dict[str, Node]:
        """The variables whose values stand in the file."""
        each = (container.get("env") for container in self.containers())
        pairs = [
            (item.get("name"), item.get("value")) for env in each if env for item in env.elements()
        ]
        return {name.text(): value for name, value in pairs if name and value}


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Workload]:
    """Fill the catalog; gives the workloads that run."""
    workloads = [
        workload
        for each in objects
        if (each.is_workload() or _is_machine(each))
        and (workload := _workload(each, notes)) is not None
    ]
    labelled: dict[tuple[str, str, str], list[Workload]] = {}
    for workload in workloads:
        for name, value in workload.labels.items():
            labelled.setdefault((workload.object.namespace, name, value), []).append(workload)
    selected: set[Ref] = set()
    chosen = [(each, _select(each, labelled)) for each in objects if each.is_service()]
    narrow = _narrow(chosen)
    # a part of a service comes after the service
    for each, mine in sorted(chosen, key=lambda pair: pair[0].ref in narrow):
        selected |= {workload.object.ref for workload in mine}
        if not (each.ref in narrow and _is_part(each, mine, catalog)):
            notes.guard(_service, each, mine, catalog, notes)
    _alone([each for each in workloads if each.object.ref not in selected], catalog, notes)
    return workloads


def _is_machine(each: Object) -> bool:
    """Istio's WorkloadEntry: a workload that is no pod, and that Services select like one."""
    return each.family == ISTIO and each.kind == "WorkloadEntry"


def _workload(each: Object, notes: Notes) -> Workload | None:
    if _is_machine(each):
        account = each.spec.get("serviceAccount") or Node(None, each.place)
        pod = Node.of({"serviceAccountName": account}, each.place)
        return Workload(each, texts(each.spec.get("labels")), pod)
    template = each.spec.get("template") or Node(None, each.place)
    metadata = template.get("metadata") or Node(None, each.place)
    labels = texts(metadata.get("labels"))
    pod = template.get("spec") or Node(None, each.place)
    if each.kind == "Pod":
        labels, pod = dict(each.labels), each.spec
    replicas = each.spec.get("replicas")
    if replicas is not None and replicas.value == 0:
        notes.warn(replicas.place, f"{each} has no replicas: left out")
        return None
    return Workload(each, labels, pod, _replicas(each, replicas, notes))


def _replicas(each: Object, asked: Node | None, notes: Notes) -> Node | None:
    if asked is None or not isinstance(asked.value, int) or asked.value <= 1:
        return None
    if asked.value > MAX_REPLICAS:
        cut = f"{MAX_REPLICAS} replicas run, no more"
        notes.approximate(cut, asked.place, str(each))
    return Node(min(asked.value, MAX_REPLICAS), asked.place)


def _select(
    service: Object, labelled: Mapping[tuple[str, str, str], Sequence[Workload]]
) -> list[Workload]:
    """The workloads with all labels of the selector; without one a Service selects nothing."""
    selector = texts(service.spec.get("selector"))
    if not selector:
        return []
    name, value = next(iter(selector.items()))
    near = labelled.get((service.namespace, name, value), ())
    return [workload for workload in near if selector.items() <= workload.labels.items()]


Chosen = Sequence[tuple[Object, Sequence[Workload]]]  # Services, and what they select


def _narrow(chosen: Chosen) -> set[Ref]:
    """The Services that select some of what another one selects."""
    members = {each.ref: {workload.object.ref for workload in mine} for each, mine in chosen}
    of: dict[Ref, list[Ref]] = {}
    for each, mine in chosen:
        for workload in mine:
            of.setdefault(workload.object.ref, []).append(each.ref)
    return {
        each.ref
        for each, mine in chosen
        if mine and any(members[each.ref] < members[o] for o in of[mine[0].object.ref])
    }


def _is_part(each: Object, mine: Sequence[Workload], catalog: Catalog) -> bool:
    """Whether it is a name for whole versions of another service; it is that then."""
    refs = {workload.object.ref for workload in mine}
    near = [e for e in catalog.of.get(mine[0].object.ref, ()) if refs < e.members and not e.own]
    if not near or (taken := catalog.entries.get(each.name)) is not None and taken.own:
        return False
    whole = max(near, key=lambda entry: len(entry.members))
    names = {workload.object.name for workload in mine}
    found = [v for v in whole.variants.values() if v.name and names.issuperset(v.workloads)]
    if {name for variant in found for name in variant.workloads} != names:
        return False
    catalog.add_part(whole, [variant.name for variant in found], each)
    return True


def _service(each: Object, mine: Sequence[Workload], catalog: Catalog, notes: Notes) -> None:
    kind = each.spec.get("type")
    if kind is not None and kind.value == "ExternalName":
        notes.ignore("Service of type ExternalName", each.place)
        return
    if _is_own(each.name, each, mine, catalog, notes):
        return
    main = _main_port(each, each.spec.get("ports"), notes)
    protocol = _spoken(each, main)
    twin = _twin(mine, protocol, catalog)
    if twin is not None:
        catalog.alias(twin, each.name, each.namespace)
        catalog.of[each.ref] = [twin]
        return
    entry = catalog.add(each.name, each.namespace, each.place)
    entry.protocol = protocol
    if main is not None and _protocol(main) in _OTHER_PROTOCOLS:
        message = f"port {_port_name(main)!r} of {each} is taken as plain HTTP"
        entry.doubt = Problem(main.place, message, warning=True)
    entry.port, entry.container_port = _numbers(main, mine)
    catalog.of[each.ref] = [entry]
    if not mine:
        notes.warn(each.place, f"{each} selects no workload here: the echo stands in")
    _fill(entry, mine, catalog, notes)


def _spoken(each: Object, main: Node | None) -> str:
    """What a Service speaks: as its annotation says, or else gRPC or HTTP, by its port.

    Raises:
        DocumentError: of a protocol that there is none of.
    """
    told = each.annotations.get(PROTOCOL)
    if told is None:
        return "grpc" if main is not None and _protocol(main) == "grpc" else "http"
    if told.text() not in PROTOCOLS:
        hint = suggest(told.text(), PROTOCOLS)
        raise DocumentError.at(told.place, f"unknown protocol {told.text()!r}{hint}")
    return told.text()


def _is_own(
    name: str, each: Object, mine: Iterable[Workload], catalog: Catalog, notes: Notes
) -> bool:
    """What our own files describe stays as they describe it."""
    entry = catalog.entries.get(name)
    if entry is None or not entry.own:
        return False
    notes.warn(each.place, f"{each} is left aside: {entry.name!r} is described at {entry.place}")
    for ref in (each.ref, *(workload.object.ref for workload in mine)):
        catalog.of.setdefault(ref, []).append(entry)
    return True


def _twin(mine: Sequence[Workload], protocol: str, catalog: Catalog) -> Entry | None:
    """A service of exactly the same workloads, which is the same service under another name."""
    refs = {workload.object.ref for workload in mine}
    near = catalog.of.get(mine[0].object.ref, ()) if mine else ()
    alike = (each for each in near if each.members == refs and each.protocol == protocol)
    return next(alike, None)


def _fill(entry: Entry, mine: Sequence[Workload], catalog: Catalog, notes: Notes) -> None:
    """Give a service its versions."""
    unversioned = [workload for workload in mine if not workload.version]
    names_needed = len(unversioned) > 1 or len(unversioned) != len(mine)
    for workload in mine:
        version = workload.version or (workload.object.name if names_needed else "")
        variant = entry.variant(version, workload.object.place)
        if variant.workloads:
            notes.warn(
                workload.object.place,
                f"version {version!r} of {entry.name!r} is made by {listed(variant.workloads)} "
                f"and {workload.object.name!r}: one workload stands for them",
            )
        variant.workloads.append(workload.object.name)
        variant.labels.append(workload.labels)
        variant.accounts.add(workload.account)
        variant.run = variant.run or workload.run()
        variant.locality = variant.locality or workload.locality()
        variant.replicas = variant.replicas or workload.replicas
        variant.env |= workload.env()
        entry.members.add(workload.object.ref)
        catalog.of.setdefault(workload.object.ref, []).append(entry)
        _tell_twice(entry, workload, catalog, notes)


def _tell_twice(entry: Entry, workload: Workload, catalog: Catalog, notes: Notes) -> None:
    others = [each.name for each in catalog.of[workload.object.ref] if each is not entry]
    if others:
        notes.warn(
            workload.object.place,
            f"{workload.object} is behind {listed([*others, entry.name])}: it runs once for each",
        )


def _numbers(port: Node | None, workloads: Iterable[Workload]) -> tuple[int | None, int | None]:
    """A Service's port, and the port of its workloads that it leads to, by number or by name."""
    if port is None:
        return None, None
    target = port.get("targetPort") or port.get("port")
    found = target.value if target is not None else None
    if isinstance(found, str):
        named = (each for workload in workloads for each in workload.ports())
        same = (each for each in named if (name := each.get("name")) and name.value == found)
        found = next((_number(each.get("containerPort")) for each in same), None)
    return _number(port.get("port")), found if isinstance(found, int) else None


def _number(node: Node | None) -> int | None:
    return node.value if node is not None and isinstance(node.value, int) else None


def _main_port(owner: Object, ports: Node | None, notes: Notes) -> Node | None:
    """The port that counts; there is one port to a service here."""
    found = list(ports.elements()) if ports else []
    if not found:
        return None
    main = next((port for port in found if _protocol(port) in ("http", "http2", "grpc")), found[0])
    others = [_port_name(port) for port in found if port is not main]
    if others:
        notes.skip("a second port", main.place, f"{owner}: {', '.join(others)}")
    return main


def _protocol(port: Node) -> str:
    """What a port speaks, by ``appProtocol`` or by the first part of its name."""
    explicit = port.get("appProtocol")
    if explicit is not None and explicit.value:
        return explicit.text().rpartition("/")[2].lower()
    name = port.get("name")
    text = name.text().lower() if name is not None and name.value else ""
    return "http" if text.startswith("grpc-web") else text.partition("-")[0]


def _port_name(port: Node) -> str:
    found = port.get("name") or port.get("port") or port.get("containerPort")
    return found.text() if found is not None else "?"


def _alone(workloads: Sequence[Workload], catalog: Catalog, notes: Notes) -> None:
    """Workloads that no Service selects."""
    for name, group in _grouped(workloads, catalog):
        first = group[0].object
        if _is_own(name, first, group, catalog, notes):
            continue
        entry = catalog.add(name, first.namespace, first.place)
        if any(_protocol(port) == "grpc" for port in group[0].ports()):
            entry.protocol = "grpc"
        ports = (_number(port.get("containerPort")) for port in group[0].ports())
        entry.container_port = next(ports, None)
        _fill(entry, group, catalog, notes)
        names = listed(workload.object.name for workload in group)
        notes.warn(first.place, f"no Service selects {names}: service {entry.name!r} stands for it")


def _grouped(
    workloads: Iterable[Workload], catalog: Catalog
) -> Iterable[tuple[str, list[Workload]]]:
    """By the label that they share, if they are versions of one thing; else each by its name."""
    groups: dict[tuple[str, str], list[Workload]] = {}
    for workload in workloads:
        taken = catalog.entries.get(workload.app)
        is_version = workload.app and workload.version and (taken is None or taken.own)
        name = workload.app if is_version else workload.object.name
        groups.setdefault((workload.object.namespace, name), []).append(workload)
    return [(name, group) for (_, name), group in groups.items()]
