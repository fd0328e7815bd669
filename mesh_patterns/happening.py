"""What happens to a mesh while a claim's requests are under way: ``during:``.

::

    restart control-plane for 1s      no control plane for a second, then a new one
    kill control-plane                the same
    restart reviews/v2 for 500ms      its workload (all of its versions') is away that long
    restart envoy reviews/v2          its Envoy is ended and started anew
    stop reviews/v2                   away until the claim has ended; services beside Envoy too
    kill reviews/v2                   the same
    start reviews/v2                  back before that
    wait 500ms                        nothing happens
    push 100                          so many changes of the config, one after the other
    push 100 at once                  without waiting until each is in effect
    rotate certificates               new ones for everybody
    scale reviews/v2 to 3             it has so many replicas from now on
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from mesh_patterns.replicas import MAX_REPLICAS
from mesh_yaml.values import parse_duration

CONTROL_PLANE, ENVOY = "control-plane", "envoy"
MAX_PUSHES = 10_000
AWAY = 1.0  # seconds that a control plane is away which somebody kills
AT_ONCE = "at once"

_FORMS = (
    re.compile(r"(?P<action>restart) (?P<what>control-plane|(envoy )?\S+)( for (?P<lasting>\S+))?"),
    re.compile(r"(?P<action>kill) (?P<what>control-plane)( for (?P<lasting>\S+))?"),
    re.compile(r"(?P<action>stop|kill|start) (?P<what>\S+)"),
    re.compile(r"(?P<action>wait) (?P<what>)(?P<lasting>\S+)"),
    re.compile(rf"(?P<action>push) (?P<what>\d+( {AT_ONCE})?)"),
    re.compile(r"(?P<action>scale) (?P<what>\S+ to \d{1,4})"),
    re.compile(r"(?P<action>rotate) (?P<what>certificates)"),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """``action`` is ``restart``, ``stop``, ``start``, ``wait``, ``push``, ``rotate`` or ``scale``;
    ``what`` is a name, how many pushes, or ``reviews/v2 to 3``; ``lasting`` is in seconds."""

    action: str
    what: str
    lasting: float = 0.0

    def __str__(self) -> str:
        lasting = f"{self.lasting:g}s" if self.lasting else ""
        for_ = "for " if lasting and self.what else ""
        return " ".join(filter(None, (self.action, self.what, for_ + lasting)))

    @property
    def scaled(self) -> tuple[str, int]:
        """Whose replicas are to be how many."""
        name, _, count = self.what.partition(" to ")
        return name, int(count)

    @property
    def number(self) -> int:
        """How many pushes."""
        return int(self.what.removesuffix(AT_ONCE))


def parse(text: Any) -> Happening:
    """Raises ValueError for what is none."""
    if isinstance(text, Happening):
        return text
    if not isinstance(text, str):
        raise ValueError(f"expected what happens, such as 'push 100', got {text!r}")
    words = " ".join(text.split())
    found = next((match for form in _FORMS if (match := form.fullmatch(words))), None)
    if found is None:
        forms = (
            "restart NAME [for 1s], restart envoy NAME, kill control-plane, stop NAME, start NAME, "
            "wait 1s, push N [at once], rotate certificates, scale NAME to N"
        )
        raise ValueError(f"expected one of {forms}; got {text!r}")
    parts = found.groupdict()
    lasting = parts.get("lasting")
    seconds = parse_duration(lasting).total_seconds() if lasting else 0.0
    return _meant(Happening(parts["action"], parts["what"], seconds))


def _meant(written: Happening) -> Happening:
    """The same in fewer words."""
    if written.action == "push" and not 0 < written.number <= MAX_PUSHES:
        raise ValueError(f"expected 1 to {MAX_PUSHES} pushes, got {written.number}")
    if written.action == "scale" and not 0 < written.scaled[1] <= MAX_REPLICAS:
        raise ValueError(f"expected 1 to {MAX_REPLICAS} replicas, got {written.scaled[1]}")
    if written.action != "kill":
        return written
    if written.what == CONTROL_PLANE:
        return Happening("restart", CONTROL_PLANE, written.lasting or AWAY)
    return Happening("stop", written.what)


HappeningText = Annotated[Happening, BeforeValidator(parse), WithJsonSchema({"type": "string"})]
