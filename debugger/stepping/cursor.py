"""Where somebody is in a history: one stop, and the state there. It moves both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from debugger.stepping.run.history import History, SteppingError
from debugger.stepping.run.state import State
from debugger.stepping.run.stop import Kind, Stop

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
        for stop in stops[self._at + 1 : number]:
            if stop.assigned:
                self.state.forward(stop.assigned)
        for stop in reversed(stops[number : self._at + 1]):
            if stop.assigned:
                self.state.back(stop.assigned)
        self._at = number - 1

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
        stops = self.history.stops
        ahead = reversed(stops[: self._at]) if backwards else iter(stops[self._at + 1 :])

        def any_holds(stop: Stop) -> bool:
            return any(holds(stop) for holds in conditions)

        wanted = conditions[0] if len(conditions) == 1 else any_holds
        found = next(filter(wanted, ahead), None)
        if found is not None:
            self.go(found.number)
        return found is not None

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
