"""A breakpoint: where requests are held, which ones, in which phase, and how long at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from mesh_traffic import Endpoint
from tap.language.match import Match
from tap.topology import Listener, Topology

LEASE = 600.0  # seconds of a hold, unless told otherwise
MAX_LEASE = 3_540.0  # seconds; Envoy waits an hour for an answer, at most
MAX_SKIP = 1_000_000


class Phase(IntEnum):
    """Where on its way a request is held. In the order in which they come."""

    REQUEST = 0  # its headers are here, and nothing has been sent on
    REQUEST_BODY = 1
    RESPONSE = 2  # the response's headers are here
    RESPONSE_BODY = 3

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Phase.REQUEST: "request headers",
    Phase.REQUEST_BODY: "request body",
    Phase.RESPONSE: "response headers",
    Phase.RESPONSE_BODY: "response body",
}

OnEnd = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class Place:
    """Which listeners of the mesh are meant; all of them where nothing is said.

    ``callee`` alone: where requests come in to that service, or the ``ingress``. With a ``caller``:
    where that one's requests to it go out; to which version, only a route that chooses one says.
    """

    callee: str = ""
    version: str = ""
    caller: str = ""

    def holds(self, at: Listener | None, to: Endpoint) -> bool:
        """Whether a request at that listener, and to there, is meant."""
        if not self.callee:
            return True
        if at is None or not self._may_hold(at):
            return False
        if not self.caller:
            return True
        return to.service == self.callee and self.version in ("", to.version)

    def listeners(self, topology: Topology) -> Mapping[str, tuple[int, ...]]:
        """The ports of the listeners that are meant, by node."""
        found: dict[str, tuple[int, ...]] = {}
        for address, listener in topology.listeners.items():
            if not self.callee or self._may_hold(listener):
                port = int(address.rpartition(":")[2])
                found[listener.node] = (*found.get(listener.node, ()), port)
        return found

    def _may_hold(self, at: Listener) -> bool:
        if self.caller:
            direction = "ingress" if self.caller == INGRESS else "outbound"
            return at.direction == direction and at.service == self.caller
        if self.callee == INGRESS:
            return at.direction == "ingress"
        version = self.version in ("", at.version)
        return at.direction == "inbound" and at.service == self.callee and version

    def __str__(self) -> str:
        callee = f"{self.callee}/{self.version}" if self.version else self.callee
        return f"{self.caller} -> {callee}" if self.caller else callee or "every Envoy"


INGRESS = "ingress"  # as topologies name the gateway


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """``text`` is the sentence that it was made of. Of those that ``match``, the first ``skip`` go
    on, and after ``limit`` of them have been held it is done; None: never.

    ``on_end`` says what becomes of a request that nobody released, whatever the reason: "open", it
    goes on as it came; "closed", it is answered with 503.
    """

    id: str
    text: str
    place: Place
    match: Match
    phase: Phase = Phase.REQUEST
    skip: int = 0
    limit: int | None = None
    lease: float = LEASE
    on_end: OnEnd = "open"

    def __post_init__(self) -> None:
        if not 0 < self.lease <= MAX_LEASE:
            raise ValueError(f"a lease of {self.lease:g} s, wanted more than 0 and at most 59 min")
        if not 0 <= self.skip <= MAX_SKIP:
            raise ValueError(f"{self.skip} to be skipped, wanted 0 to {MAX_SKIP:,}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"a limit of {self.limit}, wanted at least 1")
        if self.on_end not in ("open", "closed"):
            raise ValueError(f"got an end of {self.on_end!r}, wanted 'open' or 'closed'")
