"""The language of checks: what is sent, from where to where, and what should become of it.

Keys and defaults are those of ``expect:`` in pattern files, as far as no traffic is needed.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from mesh_yaml.node import Node
from mesh_yaml.spec import OneOrMore, Spec, Text
from mesh_yaml.values import Bound, Port

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_CHECKS = 100_000
_CLAIMS = ("cluster", "version", "share", "redirect", "status")

Values = OneOrMore[Text]


class CheckSpec(Spec):
    """One request, and where it should go."""

    check: str | None = Field(None, description="in words; derived from the request if absent")
    from_: Text | None = Field(
        None, alias="from", description="who sends; by default the ingress, or a client"
    )
    to: Text | None = Field(None, description="the service whose name the request goes to")
    port: Port | None = Field(None, description="at the ingress, if there are several ports")
    method: str = "GET"
    path: str = "/"
    host: str | None = Field(None, description="Host header; by default the service's name")
    scheme: str = "http"
    headers: dict[str, Values] = Field({}, description="a list is a header that comes repeatedly")

    cluster: Text | None = Field(None, description="such as reviews or reviews/v2")
    version: Text | None = Field(None, description="of the service that 'to' names")
    share: dict[Text, Bound] = Field(
        {}, description="how much of the traffic each version or cluster gets: 90, 5%..15%"
    )
    redirect: str | None = Field(None, description="the whole Location")
    status: int | None = Field(None, ge=100, le=599, description="of what the Envoy answers itself")

    @model_validator(mode="after")
    def _something(self) -> CheckSpec:
        if not any(getattr(self, name) for name in _CLAIMS):
            raise ValueError(f"checks nothing; expected at least one of {', '.join(_CLAIMS)}")
        if self.version is not None and self.to is None:
            raise ValueError("a version is one of a service; say which with 'to'")
        return self


class ChecksSpec(Spec):
    """A file of checks."""

    routes: list[CheckSpec] = Field(min_length=1, max_length=MAX_CHECKS)

    def located(self, node: Node) -> ChecksSpec:
        """Each check knows its place, too."""
        super().located(node)
        for i, check in enumerate(self.routes):
            check.located(node.find("routes", i))
        return self


def language() -> dict[str, Any]:
    """The JSON Schema of such a file."""
    schema = ChecksSpec.model_json_schema()
    return {"$schema": DIALECT, **schema, "title": "checks of routes"}
