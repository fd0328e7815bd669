"""An Envoy's ``/config_dump``, read: each resource that it has, in which state.

*Active* is what it goes by. A *warming* one waits for what it needs, and what was there before goes
on; a *draining* listener lets its last connections end. *Refused* is an update that it could not
take. *Static* is what its bootstrap says: nothing that is sent under the same name changes it.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from xds_server.resource import ResourceType

State = Literal["active", "warming", "draining", "refused", "static"]


@dataclass(frozen=True, slots=True)
class Held:
    """A resource as Envoy has it. ``error`` is why it was refused, ``updated`` RFC 3339 text."""

    type: ResourceType
    name: str
    state: State
    content: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    updated: str = ""
    error: str = ""


def read(dump: Mapping[str, Any]) -> dict[ResourceType, list[Held]]:
    """By type, for each type that the dump tells of at all."""
    found: dict[ResourceType, list[Held]] = {}
    for part in dump.get("configs", ()):
        entry = _READERS.get(part["@type"].rpartition(".")[2])
        if entry is not None:
            kind, reader = entry
            found[kind] = [*reader(kind, part)]
    return found


def _clusters(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    yield from _lists(kind, part, "clusters", "cluster")


def _listeners(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    for each in part.get("static_listeners", ()):
        yield _held(kind, "static", each, each["listener"])
    for each in part.get("dynamic_listeners", ()):
        for state in _LIVELY:
            if (told := each.get(f"{state}_state")) is not None:
                yield _held(kind, state, told, told.get("listener", {}), each.get("name", ""))
        if "error_state" in each:
            yield _refused(kind, each["error_state"], each.get("name", ""))


def _refused(kind: ResourceType, error: Mapping[str, Any], name: str) -> Held:
    """A listener that was never taken has no name here but that in its configuration."""
    content = _plain(error.get("failed_configuration", {}))
    name = name or str(content.get("name", ""))
    return Held(kind, name, "refused", content, error=str(error.get("details", "")))


def _routes(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    for each in part.get("dynamic_route_configs", ()):
        yield _held(kind, "active", each, each["route_config"])


def _secrets(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    for state in _LIVELY[:2]:
        for each in part.get(f"dynamic_{state}_secrets", ()):
            yield _held(kind, state, each, each.get("secret", {}), each["name"])


def _extensions(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    for each in part.get("ecds_filters", ()):
        yield _held(kind, "active", each, each["ecds_filter"])


def _endpoints(kind: ResourceType, part: Mapping[str, Any]) -> Iterator[Held]:
    for each in part.get("dynamic_endpoint_configs", ()):
        config = each["endpoint_config"]
        yield _held(kind, "active", each, config, config["cluster_name"])


def _lists(kind: ResourceType, part: Mapping[str, Any], many: str, one: str) -> Iterator[Held]:
    for key, state in _LISTS:
        for each in part.get(f"{key}_{many}", ()):
            yield _held(kind, state, each, each[one])


_LIVELY: tuple[Literal["active", "warming", "draining"], ...] = ("active", "warming", "draining")
_LISTS: tuple[tuple[str, State], ...] = (
    ("static", "static"),
    ("dynamic_active", "active"),
    ("dynamic_warming", "warming"),
)


def _held(
    kind: ResourceType,
    state: State,
    told: Mapping[str, Any],
    content: Mapping[str, Any],
    name: str = "",
) -> Held:
    return Held(
        kind,
        name or str(content.get("name", "")),
        state,
        _plain(content),
        str(told.get("version_info", "")),
        str(told.get("last_updated", "")),
        str(told.get("error_state", {}).get("details", "")),
    )


def _plain(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in content.items() if key != "@type"}


_Reader = Callable[[ResourceType, Mapping[str, Any]], Iterable[Held]]
_READERS: Mapping[str, tuple[ResourceType, _Reader]] = {
    "ClustersConfigDump": (ResourceType.CLUSTER, _clusters),
    "EndpointsConfigDump": (ResourceType.ENDPOINT, _endpoints),
    "SecretsConfigDump": (ResourceType.SECRET, _secrets),
    "EcdsConfigDump": (ResourceType.EXTENSION_CONFIG, _extensions),
    "ListenersConfigDump": (ResourceType.LISTENER, _listeners),
    "RoutesConfigDump": (ResourceType.ROUTE, _routes),
}
