"""MeshHealthCheck. https://kuma.io/docs/latest/policies/meshhealthcheck/"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements
from mesh_patterns.importers.kuma.taken import is_on, leftovers, taken
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node

_TIMES = {
    "interval": "interval", "timeout": "timeout", "unhealthyThreshold": "unhealthy_threshold",
    "healthyThreshold": "healthy_threshold",
}  # fmt: skip
_DEFAULT = {
    "interval": "1m", "timeout": "15s", "unhealthy_threshold": 5, "healthy_threshold": 1
}  # fmt: skip


def check(conf: Node, source: Source) -> None:
    """Tell what is left out of it."""
    leftovers(conf, (*_TIMES, "http", "tcp", "grpc", "reuseConnection"), source)
    known = {"http": ("path", "expectedStatuses"), "tcp": (), "grpc": ("serviceName",)}
    for name, fields_ in known.items():
        part = conf.get(name) or Node(None, conf.place)
        leftovers(part, ("disabled", *fields_), source, f"{name}.")


def fields(conf: Node, entry: Entry) -> dict[str, Any]:
    """How hosts are asked: in what the service speaks if that is said, else by connecting."""
    protocol = next((name for name in _ways(entry) if is_on(conf, name)), None)
    if protocol is None:
        return {}
    made: dict[str, Any] = {"protocol": protocol, **_DEFAULT, **taken(conf, _TIMES)}
    part = conf.get(protocol)
    if protocol == "http":
        made |= taken(part, {"path": "path"})
        statuses = elements(part, "expectedStatuses") if part is not None else ()
        if statuses:
            made["statuses"] = list(statuses)
    elif protocol == "grpc":
        made |= taken(part, {"serviceName": "service"})
    return made


def _ways(entry: Entry) -> tuple[str, ...]:
    return {"grpc": ("grpc", "tcp"), "http": ("http", "tcp")}.get(entry.protocol, ("tcp",))
