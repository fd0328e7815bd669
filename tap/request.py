"""The body of ``POST /tap``, built from a typed request: what it can't express can't be sent.

Some bodies abort Envoy (SIGABRT, seen with 1.39.3): any ``streaming_admin`` format but JSON,
``streaming_grpc``, a missing ``match``. So there is no field here for a sink, a format or a match.
Source: Envoy's ``envoy.config.tap.v3.TapConfig`` and its admin interface's ``/tap``.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIG_ID = "meshloom"  # the tap filters' admin_config.config_id, the same in every listener
BODY_BYTES = 8 * 1024  # kept of each body unless told otherwise; Envoy's own default is 1 KiB
MAX_BODY_BYTES = 4 * 1024 * 1024  # base64 and JSON make a third more of it, in one line


class TapRequestError(ValueError):
    """A tap request that may not be sent."""


@dataclass(frozen=True, slots=True)
class TapRequest:
    """What to ask of one Envoy.

    ``request_body`` and ``response_body``: how many bytes of each body to keep; beyond them Envoy
    truncates and says so. ``streamed``: one segment for each thing that happens, while it happens,
    instead of one trace at the request's end. Segments carry neither connections nor times (Envoy's
    ``HttpStreamedTraceSegment`` has no field for them), so the listener and the upstream stay
    unknown, and they cost Envoy twice as much.
    """

    config_id: str = CONFIG_ID
    request_body: int = BODY_BYTES
    response_body: int = BODY_BYTES
    streamed: bool = False

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
                "match": {"any_match": True},
                "output_config": {
                    "streaming": self.streamed,
                    "max_buffered_rx_bytes": self.request_body,
                    "max_buffered_tx_bytes": self.response_body,
                    "sinks": [{"format": "JSON_BODY_AS_BYTES", "streaming_admin": {}}],
                },
            },
        }
