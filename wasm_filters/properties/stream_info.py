"""What has happened to a request so far: the facts that all filters in its way share.

A connection of network filters has them, too. Whoever moves it writes them down as they come;
attributes read them. Times are in nanoseconds of the host's clock.
Source: envoy, envoy/stream_info/stream_info.h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wasm_filters.properties.filter_state import FilterState, Level

NO_HEALTHY_UPSTREAM = 0x02  # Envoy's response flag


@dataclass(slots=True)
class StreamInfo:
    """``started`` and ``ended``: the request. ``routed``: its headers reached the router, which
    chose an upstream host; or the upstream connection is there. ``answered``: the last of the
    upstream's response came in. Without ``http`` it is a connection of bytes.

    ``code`` and ``details`` are those of the response, once there is one; ``flags`` are Envoy's
    response flags (bits). ``received`` counts the request's body bytes as they came in, ``sent``
    the response's as they went out.
    """

    started: int
    http: bool = True
    ended: int | None = None
    routed: int | None = None
    answered: int | None = None
    code: int | None = None
    details: str = ""
    flags: int = 0
    received: int = 0
    sent: int = 0
    filter_state: FilterState = field(default_factory=FilterState)

    @property
    def attempted(self) -> bool:
        """The router has tried to send the request on."""
        return self.routed is not None or bool(self.flags & NO_HEALTHY_UPSTREAM)

    @classmethod
    def begin(cls, clock: Callable[[], int], connection: Level | None = None) -> StreamInfo:
        """A request that comes in now, over a connection with this filter state."""
        return cls(started=clock(), filter_state=FilterState(connection))

    @classmethod
    def connected(cls, clock: Callable[[], int]) -> StreamInfo:
        """A connection of network filters that comes in now."""
        return cls(started=clock(), http=False)
