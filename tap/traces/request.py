"""The body of ``POST /tap``, built from a typed request: what it can't express can't be sent.

Some bodies abort Envoy (SIGABRT, seen with 1.39.3): any ``streaming_admin`` format but JSON,
``streaming_grpc``, a missing ``match``. So there is no field here for a sink or a format, and a
match is made of the few rules below.
Source: Envoy's ``envoy.config.tap.v3.TapConfig`` and its admin interface's ``/tap``.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIG_ID = "meshloom"  # the tap filters' admin_config.config_id, the same in every listener
BODY_BYTES = 8 * 1024  # kept of each body unless told otherwise; Envoy's own default is 1 KiB
MAX_TEXT = 4096  # characters of a value to compare with
MAX_NUMBER = 1 << 53
MAX_BODY_BYTES = 4 * 1024 * 1024  # base64 and JSON make a third more of it, in one line


class TapRequestError(ValueError):
    """A tap request that may not be sent."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Every request."""

    def predicate(self) -> dict[str, object]:
        return {"any_match": True}


@dataclass(frozen=True, slots=True)
class HeaderIs:
    """A request header has this value."""

    name: str
    value: str

    def __post_init__(self) -> None:
        _check_text(self.name, self.value)

    def predicate(self) -> dict[str, object]:
        header = {"name": self.name, "string_match": {"exact": self.value}}
        return {"http_request_headers_match": {"headers": [header]}}


@dataclass(frozen=True, slots=True)
class HeaderIn:
    """A header of the response, or of the request, is a number from ``start`` to before ``end``."""

    name: str
    start: int
    end: int
    response: bool = False

    def __post_init__(self) -> None:
        _check_text(self.name)
        if not -MAX_NUMBER < self.start < self.end < MAX_NUMBER:
            raise TapRequestError(f"{self.name}: no range from {self.start} to {self.end}")

    def predicate(self) -> dict[str, object]:
        header = {"name": self.name, "range_match": {"start": self.start, "end": self.end}}
        side = "response" if self.response else "request"
        return {f"http_{side}_headers_match": {"headers": [header]}}


@dataclass(frozen=True, slots=True)
class _Several:
    """Two or more rules."""

    of: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if len(self.of) < 2:
            raise TapRequestError("and, or: expected two rules or more")

    def _rules(self) -> dict[str, object]:
        return {"rules": [rule.predicate() for rule in self.of]}


class AllOf(_Several):
    """Each of them holds."""

    __slots__ = ()

    def predicate(self) -> dict[str, object]:
        return {"and_match": self._rules()}


class AnyOf(_Several):
    """One of them holds."""

    __slots__ = ()

    def predicate(self) -> dict[str, object]:
        return {"or_match": self._rules()}


@dataclass(frozen=True, slots=True)
class OnlySockets:
    """Every connection of a transport-socket tap, and no request of an HTTP tap.

    A socket tap knows no headers: a rule that wants one matches none of its connections, and a rule
    that wants none matches all (seen with Envoy 1.40).
    """

    def predicate(self) -> dict[str, object]:
        sides = (("request", ":method"), ("response", ":status"))
        return {"and_match": {"rules": [{"not_match": _present(*side)} for side in sides]}}


def _present(side: str, name: str) -> dict[str, object]:
    return {f"http_{side}_headers_match": {"headers": [{"name": name, "present_match": True}]}}


Rule = Anything | HeaderIs | HeaderIn | AllOf | AnyOf | OnlySockets
ANY = Anything()
SOCKETS = OnlySockets()


def _check_text(*texts: str) -> None:
    for text in texts:
        if not text or not text.isprintable() or len(text) > MAX_TEXT:
            raise TapRequestError(f"{text[:40]!r} can't be compared with a header")


@dataclass(frozen=True, slots=True)
class TapRequest:
    """What to ask of one Envoy.

    ``request_body`` and ``response_body``: how many bytes of each body to keep; beyond them Envoy
    truncates and says so. ``streamed``: one segment for each thing that happens, while it happens,
    instead of one trace at the request's end. Segments carry neither connections nor times (Envoy's
    ``HttpStreamedTraceSegment`` has no field for them), so the listener and the upstream stay
    unknown, and they cost Envoy twice as much. ``match`` is which requests to capture.
    """

    config_id: str = CONFIG_ID
    request_body: int = BODY_BYTES
    response_body: int = BODY_BYTES
    streamed: bool = False
    match: Rule = ANY

    def __post_init__(self) -> None:
        if not self.config_id:
            raise TapRequestError("config_id: can't be empty")
        for name in ("request_body", "response_body"):
            size = getattr(self, name)
            if not 0 <= size <= MAX_BODY_BYTES:
                raise TapRequestError(f"{name}: {size} bytes, expected 0 to {MAX_BODY_BYTES}")

    def body(self) -> dict[str, object]:
        """The JSON object to post. Envoy's "rx" is what the filter receives from downstream."""
        return {
            "config_id": self.config_id,
            "tap_config": {
                "match": self.match.predicate(),
                "output_config": {
                    "streaming": self.streamed,
                    "max_buffered_rx_bytes": self.request_body,
                    "max_buffered_tx_bytes": self.response_body,
                    "sinks": [{"format": "JSON_BODY_AS_BYTES", "streaming_admin": {}}],
                },
            },
        }


# Bytes of an event that are cut off can't be done without, so none are: Envoy reads and writes no
# more at once than its buffers hold, 1 MiB.
SOCKETS_REQUEST = TapRequest(
    request_body=MAX_BODY_BYTES, response_body=MAX_BODY_BYTES, streamed=True, match=SOCKETS
)
