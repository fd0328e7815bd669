"""Any HTTP filter that Envoy has, in Envoy's own words, for what no other kind says.

The configuration is checked against Envoy's messages: its type has to be one, and so has every
field. What Envoy wants of their values beyond that it says itself, by refusing the listener. The
filter runs last, before the router.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, JsonValue

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_yaml.place import DocumentError

PREFIX = "type.googleapis.com/envoy.extensions.filters.http."
_END = ".router.v3.Router"  # there is one already, and it has to be the last


@dataclass(frozen=True, slots=True)
class EnvoyFilter:
    """A message of Envoy's, as bytes."""

    type_url: str
    body: bytes


class EnvoyFilterSpec(HttpFilterSpec):
    """Run one of Envoy's HTTP filters."""

    config: dict[str, JsonValue] = Field(
        description="proto JSON of an HTTP filter's typed_config, with its '@type'"
    )


def apply(spec: EnvoyFilterSpec, draft: Draft) -> None:
    from xds_server.errors import XdsError
    from xds_server.mirror import from_json  # with all of Envoy's messages

    place = spec.place("config")
    try:
        type_url, body = from_json(spec.config)
    except XdsError as error:
        raise DocumentError.at(place, str(error)) from error
    if not type_url.startswith(PREFIX) or type_url.endswith(_END):
        message = f"expected the '@type' of an HTTP filter, {PREFIX}…, got {type_url!r}"
        raise DocumentError.at(place, message)
    label = type_url.removeprefix(PREFIX).partition(".")[0]
    http_filter.add(spec, draft, label, EnvoyFilter(type_url, body))
