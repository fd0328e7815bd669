"""When Envoy asks again. A virtual host's policy is for those of its routes that have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.importers.envoy.message import Message, whole
from mesh_patterns.kinds.retries import CONDITIONS
from mesh_yaml.node import Node

OTHER_HOSTS = "previous_hosts"
OTHER_PRIORITIES = "previous_priorities"


def read(action: Message, above: Sequence[Message]) -> dict[str, Any]:
    """``retries`` of a rule; nothing where nobody asks for it."""
    policy = action.part("retry_policy")
    for level in above:
        inherited = level.part("retry_policy")
        policy = policy if policy is not None else inherited
    return {} if policy is None else _options(policy)


def _options(policy: Message) -> dict[str, Any]:
    conditions = _conditions(policy)
    if not conditions:
        return {}
    number = policy.get("num_retries")
    made: dict[str, Any] = {
        "attempts": 1 if number is None else Node(whole(number), number.place),
        "retry_on": conditions,
    }
    if (each := policy.get("per_try_timeout")) is not None:
        made["per_try_timeout"] = each
    backoff = policy.part("retry_back_off")
    if backoff is not None and (base := backoff.get("base_interval")) is not None:
        most = backoff.get("max_interval")
        made["backoff"] = {"base": base} | ({"max": most} if most is not None else {})
    _predicates(policy, made)
    policy.rest("retry_policy.")
    return made


def _predicates(policy: Message, made: dict[str, Any]) -> None:
    for predicate in policy.parts("retry_host_predicate"):
        if predicate.text("name").endswith(OTHER_HOSTS):
            made["hosts"] = "other"
        else:
            predicate.left_out("retry_host_predicate")
    priority = policy.part("retry_priority")
    if priority is not None and priority.text("name").endswith(OTHER_PRIORITIES):
        made["priorities"] = "other"
    policy.ignore("host_selection_retry_max_attempts")


def _conditions(policy: Message) -> list[Node]:
    """Envoy takes what it does not know for nothing."""
    found = policy.get("retry_on")
    names = [] if found is None else [name.strip() for name in found.text().split(",")]
    made = [Node(name, found.place) for name in names if found and name in CONDITIONS]
    for name in names:
        if found is not None and name and name not in CONDITIONS:
            policy.left_out(f"retry_on: {name!r}, which Envoy doesn't know", found)
    return made + [Node(whole(each), each.place) for each in policy.list("retriable_status_codes")]
