"""One call across the border, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from wasm_filters.errors import GuestStopped
from wasm_filters.tracing.changes import Change, Pending
from wasm_filters.tracing.values import plain_mapping


@dataclass(slots=True, eq=False)
class Event:
    """A callback, or a hostcall made ``inside`` of one (``""`` for a callback).

    ``plugin`` names the plugin, ``context`` is the id of the effective context. ``depth`` counts
    the calls that had not returned when this one came. ``later``: so many nanoseconds have passed
    since the event before. ``answer`` is in words, None if the call did not return; ``failure``
    then says why, for a callback. ``pending`` tells what a callback changed, see ``changes``.
    ``bare``: its arguments read best without their names.
    """

    name: str
    arguments: dict[str, object]
    inside: str = ""
    plugin: str = ""
    context: int = 0
    depth: int = 0
    later: int = 0
    answer: str | None = None
    results: dict[str, object] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    failure: GuestStopped | None = None
    bare: bool = False

    @property
    def changes(self) -> tuple[Change, ...]:
        """What a callback changed, all its hostcalls together."""
        return tuple(change for pending in self.pending for change in pending())

    @property
    def is_callback(self) -> bool:
        return not self.inside

    def as_json(self) -> dict[str, object]:
        """The event as plain data; docs/TRACES.md describes it."""
        found: dict[str, object] = {
            "call": self.name,
            "inside": self.inside,
            "plugin": self.plugin,
            "context": self.context,
            "depth": self.depth,
            "later": self.later,
            "arguments": plain_mapping(self.arguments),
            "answer": self.answer,
            "results": plain_mapping(self.results),
        }
        if self.is_callback:
            found["changes"] = [change.as_json() for change in self.changes]
            found["failure"] = None if self.failure is None else _failure(self.failure)
        return found


def _failure(failure: GuestStopped) -> dict[str, object]:
    frames = [{"function": frame.function, "offset": frame.offset} for frame in failure.frames]
    return {"reason": failure.reason, "frames": frames}
