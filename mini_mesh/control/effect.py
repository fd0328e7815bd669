"""What is in effect in an Envoy, by its own word: its ``/config_dump``, read.

Envoy ACKs what it has understood. In effect is what its dump calls *active*: a listener that waits
for its routes, or a cluster for its endpoints, is *warming*, and what was there before goes on.

A resource is found in the dump by its content. Versions would be shorter, but: on SotW they are
those of responses; of endpoints none is told (their addresses and weights are compared); and Envoy
1.40 tells a listener's old version where only its filter chains changed. Only secrets, whose
content is not shown, go by their versions, on Delta.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from xds_server import mirror
from xds_server.clients import dump
from xds_server.resource import Resource, ResourceType

Verdict = Literal["yes", "warming", "no", "unknown"]
Host = tuple[int, str, int, int]  # priority, address, port, weight
Content = Mapping[str, Any] | frozenset[Host] | str


@dataclass(frozen=True, slots=True)
class Held:
    """A resource as Envoy has it: its content, of endpoints the hosts, of secrets a version."""

    name: str
    content: Content
    warming: bool = False


class InEffect:
    """One Envoy's dump, taken at one moment."""

    def __init__(self, config_dump: Mapping[str, Any]) -> None:
        self._held: dict[ResourceType, list[Held]] = {
            kind: [_held(each) for each in found if each.state in ("active", "warming")]
            for kind, found in dump.read(config_dump).items()
        }

    def verdict(self, resource: Resource) -> Verdict:
        """Whether the resource, in this very version, is what Envoy goes by."""
        if resource.type not in self._held:
            return "unknown"
        content = _content(resource)
        same = [
            each
            for each in self._held[resource.type]
            if each.name == resource.name and each.content == content
        ]
        if not same:
            return "unknown" if isinstance(content, str) else "no"
        return "warming" if all(each.warming for each in same) else "yes"

    def names(self, kind: ResourceType) -> frozenset[str]:
        """What is active of this type, in whatever version."""
        return frozenset(each.name for each in self._held.get(kind, ()) if not each.warming)


def _content(resource: Resource) -> Content:
    if resource.type is ResourceType.SECRET:
        return resource.version
    shown = mirror.render(resource.type.type_url, resource.body)
    return _hosts(shown) if resource.type is ResourceType.ENDPOINT else shown


def _held(each: dump.Held) -> Held:
    warming = each.state == "warming"
    if each.type is ResourceType.SECRET:
        return Held(each.name, each.version, warming)
    hosts = each.type is ResourceType.ENDPOINT
    return Held(each.name, _hosts(each.content) if hosts else each.content, warming)


def _hosts(assignment: Mapping[str, Any]) -> frozenset[Host]:
    return frozenset(
        (locality.get("priority", 0), *_address(host), host.get("load_balancing_weight", 1))
        for locality in assignment.get("endpoints", ())
        for host in locality.get("lb_endpoints", ())
    )


def _address(host: Mapping[str, Any]) -> tuple[str, int]:
    address = host.get("endpoint", {}).get("address", {}).get("socket_address", {})
    return address.get("address", ""), address.get("port_value", 0)
