"""The differences that have a reason: the rows of docs/FIDELITY.md, as code.

A row explains a difference only where its reason is seen to apply. What depends on the time or on
chance is not guessed: our host runs the same requests with another clock and with other random
numbers, and what then differs from itself can't be the same in Envoy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mini_mesh.differ.compare import Difference, Parts


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a case besides the two views: both in parts, what our host does with another
    clock and with other random numbers, and whether it warned of a wrong content-length.
    """

    here: Parts
    envoy: Parts
    other_clock: Parts
    other_random: Parts
    wrong_length: bool = False


Explains = Callable[[Difference, Evidence], bool]


def explain(differences: list[Difference], evidence: Evidence) -> list[Difference]:
    """The differences, those that have a reason with its name."""
    return [replace(each, known=_reason(each, evidence)) for each in differences]


def _reason(difference: Difference, evidence: Evidence) -> str:
    return next((name for name, holds in KNOWN.items() if holds(difference, evidence)), "")


def _only_in_envoy(place: str, value: str | None = None) -> Explains:
    def holds(difference: Difference, evidence: Evidence) -> bool:
        given = value is None or difference.envoy == value
        return difference.place == place and difference.here is None and given

    return holds


def _framing(difference: Difference, evidence: Evidence) -> bool:
    """The codec frames a message anew; both ends read the same body."""
    if difference.place.endswith(" header transfer-encoding"):
        return True
    no_body = difference.here is None and difference.envoy == "'0'"
    return difference.place.endswith(" header content-length") and no_body


def _trailers(difference: Difference, evidence: Evidence) -> bool:
    message, trailer, _ = difference.place.partition(" trailer ")
    chunked = f"{message} header transfer-encoding" in evidence.envoy
    return bool(trailer) and difference.envoy is None and not chunked


def _wrong_length(difference: Difference, evidence: Evidence) -> bool:
    return evidence.wrong_length


def _moves_with(parts: Callable[[Evidence], Parts]) -> Explains:
    def holds(difference: Difference, evidence: Evidence) -> bool:
        place = difference.place
        return evidence.here.get(place) != parts(evidence).get(place)

    return holds


KNOWN: Mapping[str, Explains] = {
    "date": _only_in_envoy("response header date"),
    "connection": _only_in_envoy("response header connection", "'close'"),
    "framing": _framing,
    "trailers-need-chunks": _trailers,
    "wrong-content-length": _wrong_length,
    "wall-clock": _moves_with(lambda evidence: evidence.other_clock),
    "randomness": _moves_with(lambda evidence: evidence.other_random),
}
