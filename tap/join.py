"""Two sources' views of one request at one node are one exchange. Sans-IO, time is an argument.

Rule 1: of one node, the tap and the access log see the same request by the same ``x-request-id``
        and client address; of several, such as the tries of one caller, those are one that began
        nearest to one another. Streamed traces tell no client: there, what was asked and answered
        has to be the same.
Rule 2: whoever comes first waits for the other, at most ``WAIT``, and then goes alone: a request
        that began before the tap came has a summary only, one of a lost log has no route. What
        can't have another half does not wait.
Rule 3: as many wait as ``MAX_WAITING``; beyond that the oldest goes alone.
Rule 4: a half that comes after the other went alone is not another exchange: it is counted, and
        that is all. As many are remembered as may wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from tap.access_log import Entry
from tap.traces.decode import BufferedTrace

WAIT = 5.0  # seconds; the log is sent every 20 ms, and comes later where the machine is busy
MAX_WAITING = 10_000  # halves of one node

Half = BufferedTrace | Entry


class Joined(NamedTuple):
    """What both saw of one request."""

    trace: BufferedTrace
    entry: Entry


Seen = Half | Joined


@dataclass(slots=True, eq=False)
class _Waiting:
    """A half that waits until ``end``; ``gone`` when it went, joined or alone."""

    half: Half
    request_id: str
    end: float
    gone: bool = False


class Joiner:
    """The halves of one node that wait. ``late`` counts traces, with headers and bodies, that came
    when the other half had gone."""

    def __init__(self) -> None:
        self.late = 0
        self._went: dict[tuple[bool, str, str], None] = {}  # alone, not long ago
        self._waiting: dict[str, list[_Waiting]] = {}  # by request id
        self._order: deque[_Waiting] = deque()

    @property
    def remembers(self) -> bool:
        """Whether a half may come whose other one is here, or went alone."""
        return bool(self._waiting or self._went)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def receive(self, half: Half, now: float, waits: bool = True) -> list[Seen]:
        """What can go on now that ``half`` has come; ``now`` is in seconds. Where there is no other
        source any more, nothing ``waits``, and what went alone before is still remembered."""
        request_id = half.request_id
        joined = self._with_other(half, request_id)
        if joined is not None:
            return [joined]
        if self._is_late(half, request_id):
            return []
        if not waits:
            return [half]
        waiting = _Waiting(half, request_id, now + WAIT)
        self._waiting.setdefault(request_id, []).append(waiting)
        self._order.append(waiting)
        if len(self._order) <= MAX_WAITING:
            return []
        oldest = self._order.popleft()
        return [] if oldest.gone else [self._alone(oldest)]

    def _with_other(self, half: Half, request_id: str) -> Joined | None:
        waiting = self._waiting.get(request_id, ())
        found = [(one, joined) for one in waiting if (joined := _joined(one.half, half))]
        if not found:
            return None
        best = found[0]
        if len(found) > 1:
            started = half.started
            best = min(found, key=lambda one: abs(one[0].half.started - started))
        self._take(best[0])
        return best[1]

    def _take(self, waiting: _Waiting) -> None:
        waiting.gone = True
        others = self._waiting[waiting.request_id]
        others.remove(waiting)
        if not others:
            del self._waiting[waiting.request_id]

    def _is_late(self, half: Half, request_id: str) -> bool:
        """Whether its other half went alone; then it is counted here."""
        is_trace = isinstance(half, BufferedTrace)
        key = (not is_trace, request_id, half.client)
        if key not in self._went:
            return False
        del self._went[key]
        self.late += is_trace
        return True

    def _alone(self, waiting: _Waiting) -> Seen:
        self._take(waiting)
        half = waiting.half
        self._went[isinstance(half, BufferedTrace), waiting.request_id, half.client] = None
        if len(self._went) > MAX_WAITING:
            del self._went[next(iter(self._went))]
        return half

    def tick(self, now: float) -> list[Seen]:
        """Those that waited long enough."""
        found: list[Seen] = []
        order = self._order
        while order and (order[0].gone or order[0].end <= now):
            waiting = order.popleft()
            if not waiting.gone:
                found.append(self._alone(waiting))
        return found

    def flush(self) -> list[Seen]:
        """All that wait: no other half comes any more."""
        return self.tick(float("inf"))


def _joined(one: Half, other: Half) -> Joined | None:
    """Two halves as one, if they may be of one request; both have the same request id."""
    if isinstance(one, BufferedTrace):
        one, other = other, one
    if isinstance(one, BufferedTrace) or not isinstance(other, BufferedTrace):
        return None  # both of one source
    same = one.client == other.client if other.client else _agree(one, other)
    return Joined(other, one) if same else None


def _agree(entry: Entry, trace: BufferedTrace) -> bool:
    """Whether both tell of the same request, as far as a trace without addresses tells."""
    status = entry.response.status if entry.response is not None else 0
    told = trace.response.value(":status") if trace.response is not None else "0"
    asked = trace.request.value(":method") if trace.request is not None else ""
    return entry.request_id != "" and told == str(status) and asked == entry.request.method
