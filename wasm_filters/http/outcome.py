"""What became of one HTTP request that went through filters."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_traffic import Request, Response
from wasm_filters.dialect import Lean
from wasm_filters.errors import GuestStopped
from wasm_filters.services.callouts import Callout
from wasm_filters.state.host import Log


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    ``request`` is what the upstream saw, None if it saw none. ``response`` is what the client
    gets, None if it gets nothing: a filter paused and nobody resumed it (``paused`` names the
    callback), or the stream was ``reset``. ``local_reply`` says that a filter, or Envoy for it,
    answered; ``details`` are Envoy's response code details. ``failure`` says why a VM died, now or
    before. ``warnings`` tell what the filter's author might not expect, ``leans`` where Envoy and
    the spec differ. ``hostcalls`` counts them.
    """

    request: Request | None
    response: Response | None
    logs: tuple[Log, ...] = ()
    local_reply: bool = False
    details: str = ""
    paused: str = ""
    reset: bool = False
    failure: GuestStopped | None = None
    warnings: tuple[str, ...] = ()
    leans: tuple[Lean, ...] = ()
    callouts: tuple[Callout, ...] = ()
    hostcalls: int = 0

    @property
    def status(self) -> int | None:
        """The status that the client sees."""
        return self.response.status if self.response else None
