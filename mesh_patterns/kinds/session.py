"""Session: who has come once comes back to the same host, as long as it is there.

Envoy: the stateful session filter, at the caller. The cookie names the host; ``load_balancing``
with a hash needs none, but moves some to another host whenever one comes or goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.selector import edges
from mesh_patterns.spec import PatternSpec
from mesh_yaml.spec import SomeText
from mesh_yaml.values import Duration


@dataclass(frozen=True, slots=True)
class Session:
    """``ttl`` ``None``: until the browser closes. ``strict``: 503 where the host is gone."""

    cookie: str
    path: str
    ttl: timedelta | None = None
    strict: bool = False


class SessionSpec(PatternSpec):
    """Keep clients at their host."""

    on: str = Field(description="service, or 'caller -> service'")
    cookie: SomeText = Field("meshloom-session", pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    path: str = Field("/", pattern=r"^/[^;\s]*$", description="for which requests it counts")
    ttl: Duration | None = Field(None, description="until the browser closes if absent")
    strict: bool = Field(False, description="503 where the host is gone, instead of another host")


def apply(spec: SessionSpec, draft: Draft) -> None:
    meaning = Session(spec.cookie, spec.path, spec.ttl, spec.strict)
    found = edges(draft, spec.on, spec.place("on"))
    draft.add_filter("session", "", meaning, spec.place(), edges=found)
