"""How a cluster's hosts are asked whether they are well. Ours is one question."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_yaml.node import Node

Made = dict[str, Any]

_NAMES = {
    "interval": "interval", "timeout": "timeout", "healthy_threshold": "healthy_threshold",
    "unhealthy_threshold": "unhealthy_threshold",
}  # fmt: skip


def read(message: Message) -> Made:
    """The first of ``health_checks``; the others are told of."""
    checks = message.parts("health_checks")
    for more in checks[1:]:
        more.left_out("a second health check")
    if not checks:
        return {}
    check = checks[0]
    made = {ours: value for theirs, ours in _NAMES.items() if (value := check.get(theirs))}
    kind = _kind(check)
    check.ignore("no_traffic_interval", "no_traffic_healthy_interval", "reuse_connection")
    check.rest("health_checks.")
    return made | kind if kind else {}


def _kind(check: Message) -> Made:
    http, grpc, tcp = (check.part(f"{kind}_health_check") for kind in ("http", "grpc", "tcp"))
    if http is not None:
        made: Made = {"protocol": "http", "path": http.get("path") or "/"}
        statuses = [_range(each) for each in http.parts("expected_statuses")]
        http.ignore("host")
        http.rest("http_health_check.")
        return made | ({"statuses": statuses} if statuses else {})
    if grpc is not None:
        service = grpc.text("service_name")
        grpc.ignore("authority")
        grpc.rest("grpc_health_check.")
        return {"protocol": "grpc"} | ({"service": service} if service else {})
    if tcp is not None:
        tcp.rest("tcp_health_check.")
        return {"protocol": "tcp"}
    check.left_out("a health check of another kind")
    return {}


def _range(each: Message) -> Node:
    """Envoy's end is not in it."""
    low, high = each.number("start"), each.number("end") - 1
    return Node(str(low) if low == high else f"{low}..{high}", each.node.place)
