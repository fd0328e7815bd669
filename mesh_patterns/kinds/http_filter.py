"""What the kinds share that put an HTTP filter somewhere: where, and how it gets there."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.selector import edges, inbound, is_edge
from mesh_patterns.spec import PatternSpec


class HttpFilterSpec(PatternSpec):
    """The base of their specs."""

    on: str = Field(description="service, service/version, or 'caller -> service'")
    side: Literal["caller", "service"] | None = Field(
        None, description="whose Envoy does it; by default the caller's for an edge"
    )


class ExtensionSpec(HttpFilterSpec):
    """The base of those whose work somebody writes himself."""

    deliver: Literal["inline", "ecds"] = Field(
        "inline",
        description="ecds: the filter's config comes apart from its listener, which keeps its "
        "connections when it changes",
    )


def add(
    spec: HttpFilterSpec,
    draft: Draft,
    label: str,
    meaning: Any,
    kind: str | None = None,
    **more: Any,
) -> None:
    """Put the filter of ``spec`` where it says, of the pattern's kind or of another; ``more`` is
    :meth:`Draft.add_filter`'s.
    """
    if isinstance(spec, ExtensionSpec):
        more["ecds"] = spec.deliver == "ecds"
    place = spec.place("on")
    at_caller = spec.side == "caller" if spec.side else is_edge(spec.on)
    if at_caller:
        more["edges"] = edges(draft, spec.on, place)
    else:
        more["inbound"] = inbound(draft.mesh, spec.on, place)
    draft.add_filter(kind or spec.pattern, label, meaning, spec.place(), **more)
