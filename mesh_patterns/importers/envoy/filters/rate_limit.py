"""An Envoy's own bucket: ``local_ratelimit`` as a pattern of ours."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.values import percent
from mesh_yaml.node import Node


def pattern(message: Message) -> dict[str, Any] | None:
    """A pattern ``rate_limit``; ``None`` where the filter does more than ours."""
    bucket = message.part("token_bucket")
    enabled = percent(message.part("filter_enabled"), 0.0)
    enforced = percent(message.part("filter_enforced"), 0.0)
    if bucket is None or not enabled:
        return {}  # Envoy's default: it looks at no request
    status = message.part("status")
    message.ignore("@type", "stat_prefix")
    if message.unread or enabled < 100 or enforced not in (0, 100):
        return None
    most = bucket.number("max_tokens")
    fill = bucket.number("tokens_per_fill", 1)
    every = bucket.get("fill_interval")
    if every is None:
        return None
    made: dict[str, Any] = {"limit": Node(f"{fill}/{every.text()}", bucket.node.place)}
    if most != fill:
        made["burst"] = most
    if status is not None and (code := status.get("code")) is not None:
        made["status"] = code
    return made | ({} if enforced else {"shadow": True})
