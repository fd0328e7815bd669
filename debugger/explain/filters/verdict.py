"""What a filter makes of a request, and what is known when one is asked about it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from debugger.explain.arriving.asked import Unsure
from debugger.routing.arriving.arrival import Arrival
from debugger.routing.conditions.fields import header_condition
from debugger.routing.decision import Condition

PERCENT = 100.0
_PARTS = (100, 10_000, 1_000_000)  # of FractionalPercent.DenominatorType, in its order


class Verdict(Struct, frozen=True):
    """``passes``: it lets the request on; ``None`` where chance or a state decides.

    ``delays`` says the same of a delay before that. ``details`` are how Envoy's response code
    details begin when this filter has answered, ``status`` is its answer, where that is known.
    ``changes`` says that it may change the request, ``path`` is its field in the listener,
    ``free`` that its code makes up the details, and ``quiet`` that it has nothing to do with where
    a request goes.
    """

    name: str
    kind: str
    passes: bool | None
    why: str
    place: str = ""
    path: str = ""
    details: tuple[str, ...] = ()
    status: int | None = None
    delays: bool | None = False
    changes: bool = False
    policy: str = ""  # the rule that decided, as the details name it
    free: bool = False
    quiet: bool = False

    @property
    def stops(self) -> bool:
        """Surely nothing comes past it."""
        return self.passes is False


class Passing(Struct, frozen=True):
    """A request on its way through the filters."""

    arrival: Arrival
    unsure: Unsure
    peer: str = ""  # the client's address
    remote: str | None = ""  # whom Envoy takes for the client; None: not known
    local_port: int | None = None
    tls: bool | None = None
    principals: frozenset[str] | None = None  # names in the client's certificate

    def header(self, matcher: Any) -> Condition:
        """One ``HeaderMatcher``, undecided where a capture does not tell."""
        found = header_condition(matcher, "").look(self.arrival)
        why = self.unsure.of(matcher.name)
        return Condition(found.text, None, why, "") if why else found


def percentage(fraction: Any) -> float:
    """A ``FractionalPercent`` in percent."""
    parts = _PARTS[fraction.denominator] if fraction.denominator < len(_PARTS) else _PARTS[0]
    return min(PERCENT, int(fraction.numerator) * PERCENT / parts)


def all_of(found: list[bool | None]) -> bool | None:
    """Whether all hold; an unknown one leaves it open, unless another one does not."""
    if False in found:
        return False
    return None if None in found else True


def any_of(found: list[bool | None]) -> bool | None:
    if True in found:
        return True
    return None if None in found else False


def inverted(found: bool | None) -> bool | None:
    return None if found is None else not found
