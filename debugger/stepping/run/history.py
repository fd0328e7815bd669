"""A run that was watched: all its stops, and how it went compared with its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debugger.stepping.run.stop import Stop
from debugger.stepping.run.watcher import Watcher
from wasm_filters.engine.border import Limits
from wasm_filters.module import Module
from wasm_filters.recording.again import Again
from wasm_filters.recording.compare import Departure, departure
from wasm_filters.recording.lines import SharedData
from wasm_filters.recording.masks import Masked
from wasm_filters.recording.recording import Recording

PATIENT = Limits(deadline=20.0)  # seconds of a callback: who listens to it takes most of them
_HUNG = "ran longer than"  # how the failure of a callback begins that would never have ended


class SteppingError(Exception):
    """There is nothing to step through, or not there; the message is whole."""


@dataclass(frozen=True, slots=True)
class History:
    """``stops`` of ``recording`` as ``modules`` ran it again; ``vms`` are the hashes of the modules
    that its VMs run.

    ``departure`` is where the run went another way than the recording, ``lost`` counts calls that
    were too many to be kept, ``unknown`` calls to services that the recording has no answer to;
    from the stop ``blind_from`` on, changes were too much to be kept.
    """

    recording: Recording
    modules: Sequence[Module]
    stops: Sequence[Stop]
    vms: Mapping[int, str]
    departure: Departure | None = None
    lost: int = 0
    unknown: int = 0
    blind_from: int | None = None

    def __len__(self) -> int:
        return len(self.stops)

    def action(self, stop: Stop) -> str:
        """What was done in the recording when it came to ``stop``: ``request 2``."""
        steps = self.recording.steps
        kind = steps[stop.action].action.kind
        same = sum(step.action.kind == kind for step in steps[: stop.action + 1])
        return kind.replace("_", " ") if kind == "start" else f"{kind.replace('_', ' ')} {same}"


def limits_of(recording: Recording) -> Limits:
    """What its VMs may use when it is run again: more time, unless something in it hangs anyway."""
    events = (event for step in recording.steps for event in step.events)
    hung = any(event.failure is not None and event.failure.startswith(_HUNG) for event in events)
    return Limits() if hung else PATIENT


def watch(recording: Recording, modules: Sequence[Module]) -> History:
    """Run ``recording`` again, with one module for each of its plugins, and note all stops.

    SteppingError: nothing was called at all.
    """
    watcher = Watcher()
    again = Again(recording, modules, watcher, limits_of(recording))
    masked = Masked(recording.header)
    parted: Departure | None = None
    hostcalls = 0
    try:
        for number, step in enumerate(recording.steps, 1):
            if number > 1:
                watcher.next_action()
            done = again.step(step)
            if isinstance(step.action, SharedData):
                watcher.shared(step.action.vm_id, step.action.key, step.action.value)
            if parted is None:
                parted = departure(number, hostcalls, step.events, done.events, masked)
            hostcalls += sum(not event.is_callback for event in done.events)
            if not again.started:
                break
    finally:
        again.session.worker.close()
    if not watcher.stops:
        raise SteppingError("the filters were called in nothing: there is no step to stop at")
    return History(
        recording,
        modules,
        watcher.stops,
        watcher.owners.modules(),
        parted,
        watcher.lost,
        again.unknown,
        watcher.blind_from,
    )
