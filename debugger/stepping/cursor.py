"""Where somebody is in a history: one stop, and the state there. It moves both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from debugger.stepping.history import History, SteppingError
from debugger.stepping.state import State
from debugger.stepping.stop import Kind, Stop

Condition = Callable[[Stop], bool]
_ENDS = (Kind.RETURN, Kind.TRAP)


class Cursor:
    """Stands at the first stop. Every move answers whether it moved as far as it was asked."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.state = State()
        self._at = 0
        self.state.forward(self.stop.assigned)

    @property
    def stop(self) -> Stop:
        return self.history.stops[self._at]

    def go(self, number: int) -> None:
        """To the stop ``number``. SteppingError: there is none."""
        stops = self.history.stops
        if not 1 <= number <= len(stops):
            raise SteppingError(f"no step {number}, expected one of 1 to {len(stops)}")
        while self._at < number - 1:
            self._at += 1
            self.state.forward(stops[self._at].assigned)
        while self._at > number - 1:
            self.state.back(stops[self._at].assigned)
            self._at -= 1

    def forward(self, count: int = 1) -> bool:
        """As many stops on, at most to the last."""
        wanted = self.stop.number + count
        self.go(min(wanted, len(self.history)))
        return self.stop.number == wanted

    def back(self, count: int = 1) -> bool:
        """As many stops back, at most to the first."""
        wanted = self.stop.number - count
        self.go(max(wanted, 1))
        return self.stop.number == wanted

    def until(self, conditions: Sequence[Condition], backwards: bool = False) -> bool:
        """To the next stop at which one of ``conditions`` holds; where there is none, it stays."""
        step = -1 if backwards else 1
        stops = self.history.stops
        at = self._at + step
        while 0 <= at < len(stops):
            if any(holds(stops[at]) for holds in conditions):
                self.go(at + 1)
                return True
            at += step
        return False

    def callback(self, backwards: bool = False) -> bool:
        """To the next callback's beginning."""
        return self.until([lambda stop: stop.kind is Kind.CALLBACK], backwards)

    def finish(self) -> bool:
        """To the end of the callback that runs; from its end, to that of the one after it."""
        running = self.running()
        if running is None or self.stop.kind in _ENDS:
            return self.until([lambda stop: stop.kind in _ENDS])
        event = running.event
        return self.until([lambda stop: stop.kind in _ENDS and stop.event is event])

    def running(self) -> Stop | None:
        """The stop at which the callback began that runs here."""
        depth = self.stop.event.depth
        if self.stop.kind is not Kind.HOSTCALL:
            depth += 1
        for stop in reversed(self.history.stops[: self._at + 1]):
            if stop.kind is Kind.CALLBACK and stop.event.depth < depth:
                return stop
        return None
