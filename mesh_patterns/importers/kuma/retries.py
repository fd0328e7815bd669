"""MeshRetry. https://kuma.io/docs/latest/policies/meshretry/"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.kuma.taken import leftovers, taken
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_CONDITIONS = {
    "5xx": "5xx", "gatewayerror": "gateway-error", "reset": "reset",
    "retriable4xx": "retriable-4xx", "connectfailure": "connect-failure",
    "envoyratelimited": "envoy-ratelimited", "refusedstream": "refused-stream",
    "http3postconnectfailure": "http3-post-connect-failure", "canceled": "cancelled",
    "deadlineexceeded": "deadline-exceeded", "internal": "internal",
    "resourceexhausted": "resource-exhausted", "unavailable": "unavailable",
}  # fmt: skip
# What Kuma retries where nobody says what.
_DEFAULT = {
    "http": ["gateway-error", "connect-failure", "refused-stream"],
    "grpc": [
        "cancelled", "connect-failure", "gateway-error", "refused-stream", "reset",
        "resource-exhausted", "unavailable",
    ],
}  # fmt: skip
_KNOWN = ("numRetries", "perTryTimeout", "backOff", "retryOn", "hostSelection")
_HOSTS = {"OmitPreviousHosts": "hosts", "OmitPreviousPriorities": "priorities"}


def check(conf: Node, source: Source) -> None:
    """Tell what is left out of it."""
    leftovers(conf, ("http", "grpc"), source)
    for name in ("http", "grpc"):
        part = conf.get(name) or Node(None, conf.place)
        leftovers(part, _KNOWN, source, f"{name}.")
        for each in elements(part, "retryOn"):
            if each.text().startswith("HttpMethod"):
                source.approximate("retryOn a method: of all methods", each)
        for each in elements(part, "hostSelection"):
            if text(each, "predicate") not in _HOSTS:
                source.skip(f"hostSelection {text(each, 'predicate')}", each)


def fields(conf: Node, entry: Entry) -> dict[str, Any]:
    """How requests to a service are tried again; nothing where it is not said of its protocol."""
    part = conf.get("grpc" if entry.protocol == "grpc" else "http")
    if part is None or part.value is None:
        return {}
    made: dict[str, Any] = {"attempts": 1, **taken(part, {"numRetries": "attempts"})}
    made |= taken(part, {"perTryTimeout": "per_try_timeout"})
    if text(part, "perTryTimeout").strip("0hms") == "":
        made.pop("per_try_timeout", None)
    backoff = taken(part.find("backOff"), {"baseInterval": "base", "maxInterval": "max"})
    if backoff:
        made["backoff"] = {"base": "25ms", **backoff}
    on = [made_ for each in elements(part, "retryOn") if (made_ := _condition(each)) is not None]
    made["retry_on"] = on or _DEFAULT["grpc" if entry.protocol == "grpc" else "http"]
    for each in elements(part, "hostSelection"):
        name = _HOSTS.get(text(each, "predicate"))
        if name is not None:
            made[name] = "other"
    return made


def _condition(node: Node) -> Node | None:
    given = node.text()
    if given.startswith("HttpMethod"):
        return None
    if given.isdigit():
        return Node(int(given) if len(given) < 6 else given, node.place)
    found = _CONDITIONS.get(given.lower())
    if found is None:
        raise DocumentError.at(
            node.place, f"unknown condition {given!r}{suggest(given.lower(), _CONDITIONS)}"
        )
    return Node(found, node.place)
