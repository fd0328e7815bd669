"""The steps of a recording, done once more: each when it is asked for.

What others answered comes from the recording; a call for which it has no answer gets none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mesh_traffic import Request
from wasm_filters.engine.border import Limits
from wasm_filters.errors import WasmError
from wasm_filters.module import Module
from wasm_filters.properties import SurroundingsError
from wasm_filters.recording.lines import Sent, Start
from wasm_filters.recording.recording import Recording, Step
from wasm_filters.recording.session import Session
from wasm_filters.services.upstream import NEVER, Answer, Upstream
from wasm_filters.tracing.trace import Trace


class Again:
    """``recording`` with ``modules``, one for each of its plugins; ``trace`` hears every call.

    ``unknown`` counts the calls to services that the recording knows no answer to.
    """

    def __init__(
        self,
        recording: Recording,
        modules: Sequence[Module],
        trace: Trace | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._recording = recording
        self.unknown = 0
        self.started = False
        clusters = {name: self._answering(name) for name in recording.header.clusters}
        self.session = Session(recording.header, modules, clusters, trace, limits)

    def step(self, step: Step) -> Step:
        """Do what ``step`` did, and what came of it now."""
        session, action, outcome = self.session, step.action, None
        if isinstance(action, Start):
            action = self._start()
        elif isinstance(action, Sent):
            outcome = session.send(action, self._upstream(step))
        else:
            session.do(action)
        return Step(action, [], session.events(), session.outcome(outcome))

    def _start(self) -> Start:
        try:
            self.session.start()
        except (WasmError, SurroundingsError) as error:
            return Start(failure=str(error))
        self.started = True
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
