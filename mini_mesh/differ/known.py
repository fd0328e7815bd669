"""The differences that have a reason: the rows of docs/FIDELITY.md, as code.

A row explains a difference only where its reason is seen to apply. What depends on the time or on
chance is not guessed: our host runs the same requests with another clock and with other random
numbers, and what then differs from itself can't be the same in Envoy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mini_mesh.differ.compare import Difference, Parts
from wasm_filters.state.host import MAX_LOG_BYTES


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a case besides its difference: both views in parts, what our host does with
    another clock and with other random numbers, whether a body has not the length that its message
    says, what a filter made of a message that no Envoy sends (``flaw``), and the properties that it
    asked for.
    """

    here: Parts
    envoy: Parts
    other_clock: Parts
    other_random: Parts
    wrong_length: bool = False
    flaw: str = ""
    asked: frozenset[bytes] = frozenset()


Explains = Callable[[Difference, Evidence], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """Why a difference is none that a filter's author must mind, in a few words.

    A ``quiet`` one is Envoy's own work at the edge of nearly every message, and is not told.
    """

    reason: str
    explains: Explains
    quiet: bool = False


def explain(differences: list[Difference], evidence: Evidence) -> list[Difference]:
    """The differences, those that have a reason with its name."""
    return [replace(each, known=_row(each, evidence)) for each in differences]


def _row(difference: Difference, evidence: Evidence) -> str:
    return next((name for name, row in KNOWN.items() if row.explains(difference, evidence)), "")


def _date(difference: Difference, evidence: Evidence) -> bool:
    return difference.place == "response header date" and difference.here is None


def _connection(difference: Difference, evidence: Evidence) -> bool:
    closes = difference.here is None and difference.envoy == "'close'"
    return difference.place == "response header connection" and closes


def _hop_by_hop(difference: Difference, evidence: Evidence) -> bool:
    message, _, name = difference.place.partition(" header ")
    return message == "response" and name in _OF_A_CONNECTION and difference.envoy is None


def _framing(difference: Difference, evidence: Evidence) -> bool:
    if difference.place.endswith(" header transfer-encoding"):
        return True
    no_body = difference.here is None and difference.envoy == "'0'"
    return difference.place.endswith(" header content-length") and no_body


def _trailers(difference: Difference, evidence: Evidence) -> bool:
    message, trailer, _ = difference.place.partition(" trailer ")
    chunked = f"{message} header transfer-encoding" in evidence.envoy
    return bool(trailer) and difference.envoy is None and not chunked


def _map_order(difference: Difference, evidence: Evidence) -> bool:
    here, envoy = sorted(difference.here or ""), sorted(difference.envoy or "")
    return not evidence.asked.isdisjoint(_MAPS) and here == envoy


def _callout(difference: Difference, evidence: Evidence) -> bool:
    name = difference.place.rpartition(" header ")[2]
    added = difference.here is None and name in _OF_A_CALLOUT
    return difference.place.startswith(("callout ", "upstream ")) and added


def _refused(difference: Difference, evidence: Evidence) -> bool:
    unheard = _heard(evidence.here) and not _heard(evidence.envoy)
    return unheard and evidence.envoy.get("status") == "400"


def _heard(parts: Parts) -> bool:
    return any(value.startswith("proxy_on_request_headers(") for value in parts.values())


def _long_log(difference: Difference, evidence: Evidence) -> bool:
    here, envoy = difference.here or "", difference.envoy or ""
    cut = len(here.encode(errors="replace")) >= MAX_LOG_BYTES
    return difference.place.startswith("log ") and cut and envoy.startswith(here)


def _node(difference: Difference, evidence: Evidence) -> bool:
    return _NODE in evidence.asked


def _moves_with(parts: Callable[[Evidence], Parts]) -> Explains:
    def explains(difference: Difference, evidence: Evidence) -> bool:
        place = difference.place
        return evidence.here.get(place) != parts(evidence).get(place)

    return explains


_MAPS = (b"request\0headers", b"response\0headers", b"response\0trailers")
_NODE = b"xds\0node"  # all of it
_OF_A_CALLOUT = ("x-envoy-internal", "x-envoy-expected-rq-timeout-ms")
_OF_A_CONNECTION = ("connection", "proxy-connection", "upgrade")

KNOWN: Mapping[str, Row] = {
    "date": Row("Envoy adds a date", _date, quiet=True),
    "connection": Row("Envoy ends the connection after an early reply", _connection, quiet=True),
    "framing": Row("Envoy's codec frames bodies anew", _framing, quiet=True),
    "callout-headers": Row("Envoy's own client adds fields", _callout, quiet=True),
    "trailers-need-chunks": Row("no trailers after a body of known length", _trailers),
    "hop-by-hop": Row("Envoy takes fields of the connection from a response", _hop_by_hop),
    "wrong-content-length": Row(
        "a body was changed and its content-length was not", lambda _, found: found.wrong_length
    ),
    "refused-request": Row("Envoy refuses the request before any filter sees it", _refused),
    "invalid-message": Row(
        "a filter made a message that Envoy does not send", lambda _, found: bool(found.flaw)
    ),
    "long-log": Row("a line of a log is cut here at 16 KiB", _long_log),
    "map-order": Row("a property that is a map has no order in Envoy", _map_order),
    "node-extensions": Row("Envoy's node lists all that is compiled in", _node),
    "wall-clock": Row("depends on the time", _moves_with(lambda found: found.other_clock)),
    "randomness": Row(
        "depends on chance, or on a connection's number",
        _moves_with(lambda found: found.other_random),
    ),
}
