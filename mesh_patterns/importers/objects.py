"""Kubernetes objects: what all dialects are read into, and the reader of the plain ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_patterns.importers.notes import Notes, listed
from mesh_yaml import yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

KUBERNETES = "kubernetes"
ISTIO = "istio"
DEFAULT_NAMESPACE = "default"
WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"}
)
GATEWAY_API = "gateway-api"
SMI = "smi"
LINKERD = "linkerd"
CONSUL = "consul"
KUMA = "kuma"
APP_MESH = "app-mesh"
POLICY: Mapping[str, frozenset[str]] = {
    ISTIO: frozenset(
        {
            "VirtualService", "DestinationRule", "Gateway", "AuthorizationPolicy",
            "PeerAuthentication", "RequestAuthentication", "ServiceEntry", "WorkloadEntry",
            "WasmPlugin", "EnvoyFilter", "Telemetry", "Sidecar", "ProxyConfig", "IstioOperator",
            "MeshConfig",
        }
    ),
    GATEWAY_API: frozenset(
        {
            "Gateway", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute",
            "ReferenceGrant", "BackendTLSPolicy", "XBackendTrafficPolicy", "BackendTrafficPolicy",
            "BackendLBPolicy",
        }
    ),
    SMI: frozenset(
        {
            "TrafficSplit", "HTTPRouteGroup", "TCPRoute", "UDPRoute", "TrafficTarget",
            "IdentityBinding",
        }
    ),
    LINKERD: frozenset(
        {
            "ServiceProfile", "Server", "ServerAuthorization", "AuthorizationPolicy",
            "MeshTLSAuthentication", "NetworkAuthentication", "HTTPRoute", "GRPCRoute",
            "HTTPLocalRateLimitPolicy", "EgressNetwork",
        }
    ),
    CONSUL: frozenset(
        {
            "ServiceRouter", "ServiceSplitter", "ServiceResolver", "ServiceIntentions",
            "ServiceDefaults", "ProxyDefaults", "IngressGateway", "TerminatingGateway", "Mesh",
        }
    ),
    KUMA: frozenset(
        {
            "Mesh", "Dataplane", "MeshService", "MeshExternalService", "ExternalService",
            "MeshGateway", "MeshGatewayRoute", "MeshHTTPRoute", "MeshTCPRoute", "MeshRetry",
            "MeshTimeout", "MeshCircuitBreaker", "MeshHealthCheck", "MeshLoadBalancingStrategy",
            "MeshTrafficPermission", "MeshTLS", "MeshRateLimit", "MeshFaultInjection",
            "MeshAccessLog", "MeshTrace", "MeshProxyPatch",
        }
    ),
    APP_MESH: frozenset(
        {
            "Mesh", "VirtualNode", "VirtualService", "VirtualRouter", "Route", "VirtualGateway",
            "GatewayRoute", "BackendGroup",
        }
    ),
}  # fmt: skip
ROUTES = frozenset({"HTTPRoute", "GRPCRoute"})  # Linkerd's own are read as the Gateway API's
ANNOTATED = ".linkerd.io/"  # in the names of annotations that say how requests are treated
_GROUPS = {  # the ends of their groups' names
    ".istio.io": ISTIO, "gateway.networking.k8s.io": GATEWAY_API,
    "gateway.networking.x-k8s.io": GATEWAY_API, ".smi-spec.io": SMI,
    "linkerd.io": LINKERD, "consul.hashicorp.com": CONSUL,
    "kuma.io": KUMA, "appmesh.k8s.aws": APP_MESH,
}  # fmt: skip

# Versions that say the same, the one that a later one is read as first.
_VERSIONS: Mapping[str, Sequence[str]] = {
    ISTIO: ("v1", "v1beta1", "v1alpha1", "v1alpha3"),
    GATEWAY_API: ("v1", "v1beta1", "v1alpha1", "v1alpha2", "v1alpha3"),
    SMI: ("v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"),
    LINKERD: (
        "v1beta3", "v1beta2", "v1beta1", "v1alpha1", "v1alpha2", "v1",
    ),
    CONSUL: ("v1alpha1",),
    KUMA: ("v1alpha1",),
    APP_MESH: ("v1beta2",),
}  # fmt: skip
_HEAD = ("apiVersion", "kind", "metadata", "status")  # of a document, beside what it says

Ref = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Object:
    """One object. ``family`` tells Istio's Gateway from the others of that name.

    ``created`` is when, as its metadata has it.
    ``ids`` are the names by which links of its own ``scope`` (a document) know it; ``parent`` is
    the group that it was drawn in.
    """

    family: str
    kind: str
    name: str
    namespace: str
    place: Place
    spec: Node
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Node] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    parent: str = ""
    scope: str = ""
    created: str = ""

    @property
    def ref(self) -> Ref:
        return (f"{self.family}/{self.kind}", self.namespace, self.name)

    def is_workload(self) -> bool:
        return self.family == KUBERNETES and self.kind in WORKLOADS

    def is_service(self) -> bool:
        return self.family == KUBERNETES and self.kind == "Service"

    def is_policy(self) -> bool:
        return self.kind in POLICY.get(self.family, ())

    def matters(self) -> bool:
        """Whether a mesh on one machine has a use for it."""
        return self.is_workload() or self.is_service() or bool(self.families())

    def families(self) -> frozenset[str]:
        """The dialects that have something to say of it."""
        found = {self.family} if self.is_policy() else set()
        if self.family == LINKERD and self.kind in ROUTES:
            found.add(GATEWAY_API)
        annotated = self.is_service() or self.is_workload() or self.kind in (*ROUTES, "Namespace")
        if annotated and any(ANNOTATED in name for name in self.all_annotations()):
            found.add(LINKERD)
        return frozenset(found)

    def all_annotations(self) -> Mapping[str, Node]:
        """Its own, and those of the pods that it makes."""
        template = self.spec.get("template") if self.is_workload() else None
        metadata = template.get("metadata") if template is not None else None
        theirs = metadata.get("annotations") if metadata is not None else None
        if theirs is None or not isinstance(theirs.value, dict):
            return self.annotations
        return {**self.annotations, **theirs.value}

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True)
class Link:
    """A line that somebody drew from one object to another."""

    source: str
    target: str
    place: Place
    scope: str


@dataclass(slots=True)
class Gathered:
    """All that was read: objects, links between them, and the files beyond those given."""

    objects: list[Object] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    names: list[Node] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, variables: Mapping[str, Node]
) -> None:
    """Plain Kubernetes documents, lists of them too. They have no variables."""
    for document in documents:
        kind = _text(document, "kind")
        items = document.get("items")
        if kind.endswith("List") and items is not None:
            read(items.elements(), gathered, notes, variables)
        else:
            _check_version(document, notes)
            gathered.objects.append(_object(document, kind))


def _check_version(document: Node, notes: Notes) -> None:
    given = document.find("apiVersion")
    text = _text(document, "apiVersion")
    known = _VERSIONS.get(family(text))
    if known and text.rpartition("/")[2] not in known:
        notes.warn(given.place, f"apiVersion {text!r} is not known: read as {known[0]}")


def _object(document: Node, kind: str) -> Object:
    metadata = document.get("metadata") or Node(None, document.place)
    name = metadata.get("name") or metadata.get("generateName")
    if name is None:
        raise DocumentError.at(document.place, f"a {kind} has no 'metadata.name'")
    api_version = _text(document, "apiVersion")
    if kind == "ConfigMap" and (config := _mesh_config(document, name)) is not None:
        return Object(ISTIO, "MeshConfig", name.text(), DEFAULT_NAMESPACE, name.place, config)
    return Object(
        family=family(api_version),
        kind=kind,
        name=name.text(),
        namespace=_text(metadata, "namespace") or DEFAULT_NAMESPACE,
        place=name.place,
        spec=_spec(document, family(api_version)),
        labels=texts(metadata.get("labels")),
        annotations=dict((metadata.get("annotations") or Node(None, document.place)).items()),
        created=_text(metadata, "creationTimestamp"),
    )


def _mesh_config(document: Node, name: Node) -> Node | None:
    """Istio's settings for the whole mesh, which are a text in a ConfigMap."""
    data = document.get("data")
    text = data.get("mesh") if data is not None else None
    if text is None or not name.text().startswith("istio"):
        return None
    found = yaml.parse(text.text(), text.place.file)
    return Node.of(found[0].plain() if found else None, text.place)


def _spec(document: Node, family: str) -> Node:
    """What SMI's first versions say, and a mesh's config, they say beside the metadata."""
    found = document.get("spec")
    beside = family == SMI or _text(document, "kind") == "MeshConfig"
    if found is None and beside and isinstance(document.value, dict):
        rest = document.value.items()
        said = {name: value for name, value in rest if name not in _HEAD}
        return Node(said, document.place)
    return found or Node(None, document.place)


def family(api_version: str) -> str:
    """``kubernetes`` for its own groups, that of a dialect for its own, otherwise the group."""
    group, slash, _ = api_version.partition("/")
    if not slash or group in ("apps", "extensions", "batch", "policy", "autoscaling"):
        return KUBERNETES
    return next((known for end, known in _GROUPS.items() if group.endswith(end)), group)


def _text(node: Node, name: str) -> str:
    found = node.get(name)
    return found.text() if found is not None and found.value is not None else ""


def texts(node: Node | None) -> dict[str, str]:
    """A mapping of texts, such as labels."""
    if node is None:
        return {}
    return {name: value.text() for name, value in node.items() if value.value is not None}


def unique(objects: Iterable[Object], notes: Notes) -> list[Object]:
    """Each object once: what comes later replaces what came earlier, as when one applies files."""
    found: dict[Ref, Object] = {}
    again: dict[str, list[tuple[Object, Object]]] = {}
    for each in objects:
        if each.ref in found:
            again.setdefault(each.place.file, []).append((found[each.ref], each))
        found[each.ref] = each
    for pairs in again.values():
        _tell_again(pairs, notes)
    return list(found.values())


def _tell_again(pairs: Sequence[tuple[Object, Object]], notes: Notes) -> None:
    first, later = pairs[0]
    names = listed(f"{each.kind} {each.name}" for _, each in pairs)
    what = "it" if len(pairs) == 1 else "them"
    notes.warn(
        later.place,
        f"{names}: defined before, first at {first.place}; the later one replaces {what}",
    )


def of_kind(objects: Iterable[Object], kind: str, family: str = ISTIO) -> Iterator[Object]:
    """A dialect's objects of one kind."""
    return (each for each in objects if each.family == family and each.kind == kind)
