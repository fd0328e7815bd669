"""Which hold is which flow on the page, and how it stands with each. No I/O.

Rule 1: a flow is one request at one Envoy. What is held at several Envoys has a flow at each.
Rule 2: a request that was let go to its next phase keeps its flow there: it is the same one, held
        again. Any other hold is a new flow, also of the same request id: that was sent again.
Rule 3: an edit is shown as sent only if it went with the release; if somebody else let the request
        go, or nobody did, what is shown is what came.
Rule 4: what a tap saw of a request that was let go is the flow's response.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from dataclasses import replace as set_

from debugger.console.console import ENDS
from debugger.console.draft import message_of
from debugger.gate.hold import Held, Released
from mesh_traffic import Exchange, Response, replace
from tap.content import Side
from tap.flows.web.holds import Standing

MAX_ROWS = 4_000  # twice what the gate holds; those that were let go first go first
SAME_START = 0.05  # seconds; an Envoy tells gate and tap one start, unless another source told it

_Key = tuple[str, str, str]
_DONE = {"continue": "continued", "step": "let go to its next phase", "abort": "answered at once"}


@dataclass(slots=True, eq=False)
class Row:
    """``sent``: the exchange as it was let go from the page, once it was. ``steps``: it is on its
    way to its next phase. ``seen``: what a tap saw of it to its end, if that came first."""

    flow_id: str
    held: Held
    sent: Exchange | None = None
    standing: Standing = Standing("")
    steps: bool = False
    seen: Exchange | None = None

    @property
    def waits(self) -> bool:
        return self.standing.held is not None

    @property
    def shown(self) -> Exchange:
        """By the flow's id."""
        return replace(self.sent or self.held.exchange, id=self.flow_id)


class Rows:
    """The flows of one page."""

    def __init__(self) -> None:
        self.passed = 0  # those that were let go
        self._rows: OrderedDict[str, Row] = OrderedDict()  # by flow, until a tap has seen its end
        self._by_hold: dict[str, Row] = {}
        self._by_request: dict[_Key, list[Row]] = {}

    @property
    def waiting(self) -> int:
        """How many are held."""
        return len(self._by_hold)

    def waits(self, flow_id: str) -> Row | None:
        """The flow if it is held."""
        row = self._rows.get(flow_id)
        return row if row is not None and row.waits else None

    def heard(self, event: Held | Released) -> Row | None:
        """The flow that is another one now."""
        return self._held(event) if isinstance(event, Held) else self._released(event)

    def _held(self, held: Held) -> Row:
        alike = self._by_request.setdefault(_key(held.exchange), [])
        row = next((one for one in alike if one.steps and one.held.phase < held.phase), None)
        if row is None:
            row = self._rows[held.id] = Row(held.id, held)
            alike.append(row)
            self._make_room()
        row.held, row.sent, row.steps = held, None, False
        side: Side = "response" if isinstance(message_of(held), Response) else "request"
        words = f"held {held.id} at {held.phase.words}, for {held.until - held.since:g} s at most"
        row.standing = Standing(words, side)
        self._by_hold[held.id] = row
        return row

    def _released(self, event: Released) -> Row | None:
        row = self._by_hold.pop(event.id, None)
        if row is None:
            return None
        if event.how in ENDS:
            what = f"{'went on' if event.goes_on else 'ended'}: {ENDS[event.how]},"
        else:
            by = "" if row.sent is not None else " from elsewhere"
            what = f"{_DONE.get(event.how, event.how)}{by}"
        row.standing = Standing(f"{what} after {event.after:.1f} s", over=not event.goes_on)
        row.steps = event.how == "step"
        self.passed += 1
        return row if row.seen is None else self._completed(row)

    def captured(self, exchange: Exchange) -> Row | None:
        """A tap saw a request to its end; the flow that it is of."""
        alike = self._by_request.get(_key(exchange), ())
        near = {abs(one.held.exchange.started - exchange.started): one for one in alike}
        if not near or min(near) > SAME_START:
            return None
        row = near[min(near)]
        row.seen = exchange
        return None if row.waits else self._completed(row)

    def _completed(self, row: Row) -> Row:
        """With what the tap saw, and what is known better here: what was sent."""
        assert row.seen is not None
        row.sent = replace(row.seen, request=(row.sent or row.held.exchange).request)
        row.standing = set_(row.standing, over=True)
        self._forget(row)
        return row

    def ended(self) -> list[Row]:
        """Nobody holds anything any more; the flows that are other ones now."""
        rows, self._by_hold = list(self._by_hold.values()), {}
        for row in rows:
            row.standing = Standing("the mesh has ended", over=True)
        return rows

    def _make_room(self) -> None:
        while len(self._rows) > MAX_ROWS:
            free = (row for row in self._rows.values() if not row.waits)
            gone = next(free, None) or next(iter(self._rows.values()))
            self._by_hold.pop(gone.held.id, None)
            self._forget(gone)

    def _forget(self, row: Row) -> None:
        del self._rows[row.flow_id]
        key = _key(row.held.exchange)
        self._by_request[key].remove(row)
        if not self._by_request[key]:
            del self._by_request[key]


def _key(exchange: Exchange) -> _Key:
    """The same request at the same side of the same Envoy."""
    return exchange.node, exchange.direction, exchange.request_id
