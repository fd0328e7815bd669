"""What happens to a mesh while a claim's requests are under way: ``during:``.

::

    restart control-plane for 1s      no control plane for a second, then a new one
    restart reviews/v2 for 500ms      its workload (all of its versions') is away that long
    restart envoy reviews/v2          its Envoy is ended and started anew
    stop reviews/v2                   away until the claim has ended; services beside Envoy too
    push 100                          so many changes of the config, one after the other
    rotate certificates               new ones for everybody
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from mesh_yaml.values import parse_duration

CONTROL_PLANE, ENVOY = "control-plane", "envoy"
MAX_PUSHES = 10_000

_FORMS = (
    re.compile(r"(?P<action>restart) (?P<what>control-plane|(envoy )?\S+)( for (?P<lasting>\S+))?"),
    re.compile(r"(?P<action>stop) (?P<what>\S+)"),
    re.compile(r"(?P<action>push) (?P<what>\d+)"),
    re.compile(r"(?P<action>rotate) (?P<what>certificates)"),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """``action`` is ``restart``, ``stop``, ``push`` or ``rotate``; ``lasting`` is in seconds."""

    action: str
    what: str
    lasting: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.lasting:g}s" if self.lasting else ""
        return f"{self.action} {self.what}{lasting}"


def parse(text: Any) -> Happening:
    """Raises ValueError for what is none."""
    if isinstance(text, Happening):
        return text
    if not isinstance(text, str):
        raise ValueError(f"expected what happens, such as 'push 100', got {text!r}")
    words = " ".join(text.split())
    found = next((match for form in _FORMS if (match := form.fullmatch(words))), None)
    if found is None:
        forms = "restart NAME [for 1s], restart envoy NAME, stop NAME, push N, rotate certificates"
        raise ValueError(f"expected one of {forms}; got {text!r}")
    parts = found.groupdict()
    if parts["action"] == "push" and not 0 < int(parts["what"]) <= MAX_PUSHES:
        raise ValueError(f"expected 1 to {MAX_PUSHES} pushes, got {parts['what']}")
    lasting = parts.get("lasting")
    seconds = parse_duration(lasting).total_seconds() if lasting else 0.0
    return Happening(parts["action"], parts["what"], seconds)


HappeningText = Annotated[Happening, BeforeValidator(parse), WithJsonSchema({"type": "string"})]
