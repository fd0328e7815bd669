"""What a virtual node's listener says: health, who is left out, limits, certificates, times; and
its logs.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Listener.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mesh_patterns.importers.app_mesh import nodes, settings
from mesh_patterns.importers.app_mesh.world import Source, World
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_NODE = (
    "awsName", "podSelector", "listeners", "serviceDiscovery", "backends", "backendGroups",
    "backendDefaults", "logging", "meshRef",
)  # fmt: skip
_KNOWN = ("portMapping", "healthCheck", "outlierDetection", "connectionPool", "tls", "timeout")
_CHECK = {
    "healthyThreshold": "healthy_threshold", "unhealthyThreshold": "unhealthy_threshold",
}  # fmt: skip
_MODES = {"STRICT": "strict", "PERMISSIVE": "permissive", "DISABLED": "off"}
_LIMITS = {
    "maxConnections": "max_connections", "maxPendingRequests": "max_pending_requests",
    "maxRequests": "max_requests",
}  # fmt: skip
_AT_CALLERS = "connectionPool: limits are those of each caller, not of the node"
_CERTIFICATES = "tls: certificates are of the mesh's own authority, and callers have some too"


def patterns(world: World) -> Iterator[Node]:
    """What all virtual nodes say; mutual TLS of a whole service once."""
    secured: dict[str, Node] = {}
    for node in world.of("VirtualNode"):
        spec = node.object.spec
        node.notes.leftovers(spec, _NODE, node.owner)
        for target in world.notes.guard(nodes.targets, node) or ():
            yield from world.notes.collected(_of_node(node, target, secured))
    yield from secured.values()


def _of_node(node: Source, target: str, secured: dict[str, Node]) -> Iterator[Node]:
    entry = node.world.catalog.entries[target.partition("/")[0]]
    listener = nodes.listener(node)
    node.notes.leftovers(listener, _KNOWN, node.owner, "listeners.")
    _tell_clients(node)
    requests = PROTOCOLS[entry.protocol].requests
    for name, made in (
        ("health_check", _health(listener, entry.protocol, node)),
        ("outlier_detection", _outliers(listener, node)),
        ("circuit_breaker", _limits(listener, node)),
    ):
        if made:
            yield Node.of({"pattern": name, "on": target, **made}, listener.place)
    after = _timeout(listener, node) if requests else None
    if after is not None and "/" in target:
        node.skip("listeners.timeout of one of several versions", listener.find("timeout"))
    elif after is not None:
        made_ = {"pattern": "timeout", "on": target, "after": after}
        yield Node.of(made_, listener.place)
    mode = _mode(listener, node) if entry.outside is None else None
    if mode is not None:
        at = {"pattern": "mtls", "on": entry.name, "mode": mode}
        secured.setdefault(entry.name, Node.of(at, mode.place))
    if entry.outside is None:
        yield from _log(node, entry.name)


def _tell_clients(node: Source) -> None:
    spec = node.object.spec
    of_all = spec.find("backendDefaults").get("clientPolicy")
    own = [each.find("virtualService").get("clientPolicy") for each in node.list("backends")]
    for policy in (of_all, *own):
        if policy is not None and policy.value:
            node.approximate("clientPolicy: callers come as services want them to", policy)


def _health(listener: Node, speaks: str, node: Source) -> Made:
    check = listener.get("healthCheck")
    if check is None or check.value is None:
        return {}
    known = ("protocol", "path", "intervalMillis", "timeoutMillis", "port", *_CHECK)
    node.notes.leftovers(check, known, node.owner, "healthCheck.")
    given = text(check, "protocol", speaks)
    protocol = {"http2": "http"}.get(given, given)
    if protocol == "grpc" and speaks != "grpc":
        raise DocumentError.at(check.place, f"a node that speaks {speaks} can't be asked by gRPC")
    made: Made = {"protocol": Node(protocol, check.place)}
    for theirs, ours in (("intervalMillis", "interval"), ("timeoutMillis", "timeout")):
        if (time := check.get(theirs)) is not None:
            made[ours] = Node(f"{time.text()}ms", time.place)
    for theirs, ours in _CHECK.items():
        if (number := check.get(theirs)) is not None:
            made[ours] = number
    if protocol == "http" and (path := check.get("path")) is not None and path.value:
        made["path"] = path
    return made


def _outliers(listener: Node, node: Source) -> Made:
    found = listener.get("outlierDetection")
    if found is None or found.value is None:
        return {}
    known = ("maxServerErrors", "interval", "baseEjectionDuration", "maxEjectionPercent")
    node.notes.leftovers(found, known, node.owner, "outlierDetection.")
    made: Made = {"consecutive_5xx": needed(found, "maxServerErrors", "an outlierDetection")}
    for theirs, ours in (("interval", "interval"), ("baseEjectionDuration", "base_ejection_time")):
        if (time := found.get(theirs)) is not None:
            made[ours] = settings.duration(time)
    if (percent := found.get("maxEjectionPercent")) is not None:
        made["max_ejection_percent"] = percent
    return made


def _limits(listener: Node, node: Source) -> Made:
    pool = listener.get("connectionPool")
    made: Made = {}
    for name, limits in pool.items() if pool is not None else ():
        node.notes.leftovers(limits, _LIMITS, node.owner, f"connectionPool.{name}.")
        for theirs, ours in _LIMITS.items():
            if (number := limits.get(theirs)) is not None:
                made[ours] = number
    if made and pool is not None:
        node.approximate(_AT_CALLERS, pool)
    return made


def _timeout(listener: Node, node: Source) -> Node | None:
    given = listener.get("timeout")
    found = [settings.per_request(each, node) for _, each in given.items()] if given else []
    return next((each for each in found if each is not None), None)


def _mode(listener: Node, node: Source) -> Node | None:
    tls = listener.get("tls")
    if tls is None or tls.value is None:
        return None
    node.notes.leftovers(tls, ("mode", "certificate", "validation"), node.owner, "tls.")
    mode = needed(tls, "mode", "a listener's tls")
    if mode.text() not in _MODES:
        message = f"unknown mode {mode.text()!r}, expected one of {', '.join(_MODES)}"
        raise DocumentError.at(mode.place, message)
    node.approximate(_CERTIFICATES, tls)
    return Node(_MODES[mode.text()], mode.place)


def _log(node: Source, service: str) -> Iterator[Node]:
    file = node.object.spec.find("logging", "accessLog").get("file")
    if file is None or file.value is None:
        return
    node.notes.leftovers(file, ("path", "format"), node.owner, "accessLog.file.")
    path = needed(file, "path", "a file")
    if path.text().startswith("/dev/"):
        node.approximate(f"a log to {path.text()}: `meshloom tap` shows it", path)
        return
    node.approximate("file.path: the log lies beside the file that asks for it", path)
    made: Made = {"file": PurePosixPath(path.text()).name or "access.log"}
    shape = file.get("format") or Node(None, file.place)
    if (words := shape.get("text")) is not None:
        made["text"] = words
    elif fields := elements(shape, "json"):
        made["fields"] = {
            needed(e, "key", "a field").text(): needed(e, "value", "a field") for e in fields
        }
    yield Node.of({"pattern": "access_log", "on": service, **made}, path.place)
