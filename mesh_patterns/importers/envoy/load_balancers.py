"""How a cluster chooses a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.importers.envoy.message import Message, typed
from mesh_yaml.node import Node

Made = dict[str, Any]

_POLICIES = {
    "ROUND_ROBIN": "round_robin", "LEAST_REQUEST": "least_request", "RANDOM": "random",
    "RING_HASH": "ring_hash", "MAGLEV": "maglev",
}  # fmt: skip
_TYPES = {
    "RoundRobin": "round_robin", "LeastRequest": "least_request", "Random": "random",
    "RingHash": "ring_hash", "Maglev": "maglev",
}  # fmt: skip
_SIZES = {"minimum_ring_size": "minimum_ring_size", "maximum_ring_size": "maximum_ring_size"}
_CONFIGS = {
    "ring_hash_lb_config": ("ring_hash", _SIZES),
    "maglev_lb_config": ("maglev", {"table_size": "table_size"}),
    "least_request_lb_config": ("least_request", {"choice_count": "choice_count"}),
    "round_robin_lb_config": ("round_robin", {}),
}
HASHED = ("ring_hash", "maglev")


def read(message: Message, keys: Sequence[Made]) -> Made:
    """``keys`` are what routes say to be hashed, which counts for two of the policies only.

    Envoy's default is ours.
    """
    made = _typed(message) or _old(message)
    common = message.part("common_lb_config")
    panic = common.part("healthy_panic_threshold") if common is not None else None
    if panic is not None:
        made["panic_threshold"] = panic.get("value") or 0
    if common is not None:
        common.rest("common_lb_config.")
    if made.get("policy") in HASHED:
        unique = list({str(Node.of(key, message.place).plain()): key for key in keys}.values())
        if not unique:
            message.left_out(f"{made.pop('policy')} without a hash_policy: hosts are taken in turn")
            return {"panic_threshold": made["panic_threshold"]} if panic is not None else {}
        made["hash"] = unique
    return made if made != {"policy": "round_robin"} else {}


def _old(message: Message) -> Made:
    word = message.word("lb_policy", "ROUND_ROBIN")
    policy = _POLICIES.get(word)
    if policy is None:
        message.left_out(f"lb_policy {word}: hosts are taken in turn", message.get("lb_policy"))
    made: Made = {} if policy is None else {"policy": policy}
    for name, (of, sizes) in _CONFIGS.items():
        config = message.part(name)
        if config is not None and of == policy:
            made |= _sizes(config, sizes)
    return made


def _typed(message: Message) -> Made:
    """The first policy of the list that is known, as Envoy takes it."""
    found = message.part("load_balancing_policy")
    for each in found.parts("policies") if found is not None else ():
        extension = each.part("typed_extension_config")
        kind, config = typed(extension) if extension is not None else ("", each)
        if kind in _TYPES:
            policy = _TYPES[kind]
            sizes = next((names for of, names in _CONFIGS.values() if of == policy), {})
            message.ignore("lb_policy")
            config.ignore("@type")
            return {"policy": policy} | _sizes(config, sizes)
        each.left_out(f"load_balancing_policy {kind}")
    return {}


def _sizes(config: Message, names: dict[str, str]) -> Made:
    made = {ours: value for theirs, ours in names.items() if (value := config.get(theirs))}
    config.ignore("hash_function")
    config.rest("lb_config.")
    return made
