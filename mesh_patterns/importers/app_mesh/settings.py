"""Times, retries and limits, in our words.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRetryPolicy.html
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.app_mesh.world import Source
from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_EVENTS = {
    "server-error": "5xx", "gateway-error": "gateway-error", "client-error": "retriable-4xx",
    "stream-error": "refused-stream", "connection-error": "connect-failure",
    "cancelled": "cancelled", "deadline-exceeded": "deadline-exceeded", "internal": "internal",
    "resource-exhausted": "resource-exhausted", "unavailable": "unavailable",
}  # fmt: skip
_LISTS = ("httpRetryEvents", "tcpRetryEvents", "grpcRetryEvents")
PROTOCOLS = ("http", "http2", "grpc", "tcp")


def duration(node: Node) -> Node:
    """``{unit: ms, value: 500}``.

    Raises:
        DocumentError: it is none.
    """
    unit, value = text(node, "unit", "s"), needed(node, "value", "a time")
    if unit not in ("s", "ms"):
        raise DocumentError.at(node.place, f"expected the unit s or ms, got {unit!r}")
    return Node(f"{value.text()}{unit}", value.place)


def some(node: Node | None) -> Node | None:
    """A time; zero is none."""
    if node is None or node.value is None:
        return None
    found = duration(node)
    return found if found.text().strip("0ms") else None


def retries(node: Node, source: Source) -> Made:
    """What is tried again, and how often."""
    known = (*_LISTS, "maxRetries", "perRetryTimeout")
    source.notes.leftovers(node, known, source.owner, "retryPolicy.")
    made: Made = {"attempts": needed(node, "maxRetries", "a retryPolicy")}
    if (each := some(node.get("perRetryTimeout"))) is not None:
        made["per_try_timeout"] = each
    made["retry_on"] = [_event(e) for name in _LISTS for e in elements(node, name)]
    if not made["retry_on"]:
        raise DocumentError.at(node.place, "a retryPolicy says nothing of what is tried again")
    return made


def _event(node: Node) -> Node:
    found = _EVENTS.get(node.text())
    if found is None:
        message = f"unknown event {node.text()!r}{suggest(node.text(), _EVENTS)}"
        raise DocumentError.at(node.place, message)
    return Node(found, node.place)


def per_request(timeout: Node | None, source: Source) -> Node | None:
    """How long an answer may take."""
    if timeout is None or timeout.value is None:
        return None
    source.notes.leftovers(timeout, ("perRequest",), source.owner, "timeout.")
    return some(timeout.get("perRequest"))
