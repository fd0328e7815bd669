"""Replay: the steps of a recording again, with the same or another build, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wasm_filters.module import Module
from wasm_filters.recording.again import Again
from wasm_filters.recording.compare import Departure, departure, differences
from wasm_filters.recording.lines import Sent, Start
from wasm_filters.recording.masks import Masked
from wasm_filters.recording.recording import Recording, Step
from wasm_filters.tracing.changes import Change


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay showed. ``differences``: what came of a step, by its number, where it is not
    the same. ``hostcalls`` and ``requests`` count what was replayed; ``unknown`` are calls to
    services for which the recording has no answer: they got none."""

    departure: Departure | None
    differences: tuple[tuple[int, Change], ...]
    requests: int
    hostcalls: int
    unknown: int

    @property
    def identical(self) -> bool:
        return self.departure is None and not self.differences


def replay(recording: Recording, modules: Sequence[Module]) -> Replayed:
    """Run the steps of ``recording`` with ``modules``, one for each of its plugins."""
    return _Replay(recording, modules).run()


class _Replay:
    def __init__(self, recording: Recording, modules: Sequence[Module]) -> None:
        self._recording = recording
        self._masked = Masked(recording.header)
        self._again = Again(recording, modules)
        self._metrics: list[Change] = []

    def run(self) -> Replayed:
        parted: Departure | None = None
        changed: list[tuple[int, Change]] = []
        hostcalls = requests = 0
        for number, step in enumerate(self._recording.steps, 1):
            if not self._again.started and not isinstance(step.action, Start):
                break
            again = self._again.step(step)
            requests += isinstance(step.action, Sent)
            if parted is None:
                parted = departure(number, hostcalls, step.events, again.events, self._masked)
            hostcalls += sum(not event.is_callback for event in again.events)
            changed += ((number, change) for change in self._differences(step, again))
        return Replayed(parted, tuple(changed), requests, hostcalls, self._again.unknown)

    def _differences(self, step: Step, again: Step) -> Iterator[Change]:
        if isinstance(step.action, Start) and isinstance(again.action, Start):
            old, new = step.action.failure, again.action.failure
            if (old is None) is not (new is None):
                yield Change("start", "", old, new)
        for change in differences(step.outcome, again.outcome, self._masked):
            if change not in self._metrics:  # they add up, and would be told at every step
                yield change
            if change.what == "metric":
                self._metrics.append(change)
