"""Hardening: an entrance that does not believe what strangers send.

Envoy: the HTTP connection manager's own defences, at the ingress or before a workload. What it
refuses never reaches a filter of yours, let alone a workload.
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import Field

from mesh_patterns.draft import Draft, Placed, settle
from mesh_patterns.model import INGRESS
from mesh_patterns.selector import is_edge, service
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.values import Duration


@dataclass(frozen=True, slots=True)
class Hardening:
    """What an entrance refuses. ``trusted_hops`` proxies in front of it may say who the client is;
    ``None`` leaves what the entrance does by itself.
    """

    escaped_slashes: str
    underscores: str
    merge_slashes: bool
    max_headers_kib: int
    max_header_count: int
    headers_within: timedelta
    idle: timedelta
    max_streams: int
    buffer_bytes: int
    trusted_hops: int | None


class HardeningSpec(PatternSpec):
    """Refuse what no honest client sends, and bound what any may hold."""

    on: str = Field(description="ingress, or a service")
    escaped_slashes: Literal["reject", "unescape", "redirect", "keep"] = Field(
        "reject", description="%2F and %5C in a path: 400, or taken for slashes, or as they are"
    )
    underscores: Literal["reject", "drop", "allow"] = Field(
        "reject", description="in names of headers, which some take for '-': 400 or left out"
    )
    merge_slashes: bool = Field(True, description="// in a path is /")
    max_headers_kib: int = Field(60, ge=1, le=8192, description="of all headers; 431 above")
    max_header_count: int = Field(100, ge=1, le=1000, description="431 above")
    headers_within: Duration = Field(
        "10s", validate_default=True, description="until all headers are there; 408 after"
    )
    idle: Duration = Field(
        "1h", validate_default=True, description="until a connection without requests is closed"
    )
    max_streams: int = Field(100, ge=1, le=2**31 - 1, description="at a time, on HTTP/2")
    buffer_kib: int = Field(32, ge=1, le=4096, description="of each connection")
    trusted_hops: int | None = Field(
        None, ge=0, le=100, description="proxies in front, whose X-Forwarded-For is believed"
    )

    def meaning(self) -> Hardening:
        return Hardening(
            self.escaped_slashes, self.underscores, self.merge_slashes, self.max_headers_kib,
            self.max_header_count, self.headers_within, self.idle, self.max_streams,
            self.buffer_kib * 1024, self.trusted_hops,
        )  # fmt: skip


def apply(spec: HardeningSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on) or "/" in spec.on:
        message = f"hardening is of an entrance, got {spec.on!r}; name the ingress or a service"
        raise DocumentError.at(place, message)
    name = INGRESS if spec.on == INGRESS else service(draft.mesh, spec.on, place)
    if name != INGRESS and not draft.mesh.services[name].requests:
        speaks = draft.mesh.services[name].protocol
        raise DocumentError.at(place, f"hardening is about requests, and {name!r} speaks {speaks}")
    new = Placed(spec.meaning(), spec.place(), spec.override)
    draft.hardened[name] = settle(f"hardening of {name!r}", draft.hardened.get(name), new)
