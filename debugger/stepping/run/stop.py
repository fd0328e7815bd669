"""One place at which a run can be looked at: a callback begins, a hostcall is answered, a callback
is over. Stops are counted from 1, in the order in which they happen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from debugger.stepping.run.state import Assigned, Owner
from wasm_filters.errors import Frame
from wasm_filters.state.host import Log
from wasm_filters.tracing.changes import Change
from wasm_filters.tracing.event import Event


class Kind(StrEnum):
    """A hostcall's stop is when it was answered: what it changed can be seen there."""

    CALLBACK = "callback"
    HOSTCALL = "hostcall"
    RETURN = "return"
    TRAP = "trap"  # a callback that did not return


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """``event`` is the call; ``frames`` is the guest's stack, innermost first, empty where none of
    its functions waits. ``assigned`` is what is different from the stop before, ``logs`` are the
    lines that came since; ``action`` counts what was done in the recording: 0 is the start."""

    number: int
    kind: Kind
    event: Event
    owner: Owner
    action: int
    frames: tuple[Frame, ...] = ()
    assigned: tuple[Assigned, ...] = ()
    logs: tuple[Log, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is different from the stop before, in words."""
        return tuple(change for one in self.assigned for change in one.changes())
