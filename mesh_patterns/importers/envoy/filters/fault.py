"""Delays and failures on purpose. A filter that hits nobody is none."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.matches import Untold, headers
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.values import percent
from mesh_yaml.node import Node

Made = dict[str, Any]


def pattern(message: Message) -> Made | None:
    """A pattern ``fault``; ``None`` where ours can't say whom it hits."""
    try:
        about = headers(message)
    except Untold:
        return None
    made = options(message)
    return made | ({"when": {"headers": about}} if about and made else {})


def options(message: Message) -> Made:
    """What goes wrong, as a rule has it too."""
    made = _delay(message.part("delay")) | _abort(message.part("abort"))
    if (most := message.get("max_active_faults")) is not None and made:
        made["max_active"] = most
    message.ignore("@type", "headers")
    message.rest("HTTPFault.")
    return made


def _delay(delay: Message | None) -> Made:
    if delay is None:
        return {}
    time, share = delay.get("fixed_delay"), percent(delay.part("percentage"), 0.0)
    by_header = delay.get("header_delay") is not None
    delay.rest("delay.")
    if by_header:
        return {"by_header": True}
    return {"delay": {"fixed": time, "percent": share}} if time is not None and share else {}


def _abort(abort: Message | None) -> Made:
    if abort is None:
        return {}
    share = percent(abort.part("percentage"), 0.0)
    http, grpc = abort.get("http_status"), abort.get("grpc_status")
    by_header = abort.get("header_abort") is not None
    abort.rest("abort.")
    if by_header:
        return {"by_header": True}
    status: dict[str, Node] = {"status": http} if http else {"grpc_status": grpc} if grpc else {}
    return {"abort": {**status, "percent": share}} if status and share else {}
