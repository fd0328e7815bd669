"""Replay: the steps of a recording again, with the same or another build, and where they part."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mesh_traffic import Request
from wasm_filters.errors import WasmError
from wasm_filters.module import Module
from wasm_filters.properties import SurroundingsError
from wasm_filters.recording.compare import Departure, departure, differences
from wasm_filters.recording.lines import Sent, Start
from wasm_filters.recording.masks import Masked
from wasm_filters.recording.recording import Recording, Step
from wasm_filters.recording.session import Session
from wasm_filters.services.upstream import NEVER, Answer, Upstream
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
        self.unknown = 0
        clusters = {name: self._answering(name) for name in recording.header.clusters}
        self._session = Session(recording.header, modules, clusters)
        self._started = False
        self._metrics: list[Change] = []

    def run(self) -> Replayed:
        parted: Departure | None = None
        changed: list[tuple[int, Change]] = []
        hostcalls = requests = 0
        for number, step in enumerate(self._recording.steps, 1):
            if not self._started and not isinstance(step.action, Start):
                break
            again = self._again(step)
            requests += isinstance(step.action, Sent)
            if parted is None:
                parted = departure(number, hostcalls, step.events, again.events, self._masked)
            hostcalls += sum(not event.is_callback for event in again.events)
            changed += ((number, change) for change in self._differences(step, again))
        return Replayed(parted, tuple(changed), requests, hostcalls, self.unknown)

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

    def _again(self, step: Step) -> Step:
        session, action, outcome = self._session, step.action, None
        if isinstance(action, Start):
            action = self._start()
        elif isinstance(action, Sent):
            outcome = session.send(action, self._upstream(step))
        else:
            session.do(action)
        return Step(action, [], session.events(), session.outcome(outcome))

    def _start(self) -> Start:
        try:
            self._session.start()
        except (WasmError, SurroundingsError) as error:
            return Start(failure=str(error))
        self._started = True
        return Start()

    def _upstream(self, step: Step) -> Upstream:
        answers = deque(one.answer.answer() for one in step.answered if one.by is None)
        return lambda request: self._next(answers)

    def _answering(self, name: str) -> Upstream:
        """A cluster that gives the recorded answers, one after the other."""
        steps = self._recording.steps
        answers = deque(
            one.answer.answer() for step in steps for one in step.answered if one.by == name
        )

        def answer(request: Request) -> Answer:
            return self._next(answers)

        return answer

    def _next(self, answers: deque[Answer]) -> Answer:
        if answers:
            return answers.popleft()
        self.unknown += 1
        return NEVER
