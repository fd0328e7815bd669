"""Recording: filters run as usual, and what comes from outside is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import Final

from mesh_traffic import Request
from wasm_filters.abi import LogLevel
from wasm_filters.config import Mode, PluginConfig
from wasm_filters.errors import WasmError
from wasm_filters.http.chain import PATIENCE
from wasm_filters.http.exchange import DEFAULT_LIMIT
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.recording.data import AnswerData, RequestData
from wasm_filters.recording.lines import (
    Advance,
    Answered,
    Enqueue,
    Header,
    ModuleData,
    PluginData,
    Sent,
    SharedData,
    Start,
)
from wasm_filters.recording.recording import Recording, Step
from wasm_filters.recording.session import Session
from wasm_filters.services.upstream import Answer, Upstream, answer_of, empty_ok

SEED_BITS: Final = 128


class Recorder:
    """Plugins in a chain, each a module, its file's name and its configuration.

    ``clock`` (nanoseconds since the epoch, now if not given) stands still but for what is waited
    for. ``recording`` holds what was done so far.
    """

    def __init__(
        self,
        plugins: Sequence[tuple[Module, Path, PluginConfig]],
        clusters: Mapping[str, Upstream] | None = None,
        mode: Mode = Mode.ENVOY,
        clock: int | None = None,
        seed: int = 0,
        buffer_limit: int = DEFAULT_LIMIT,
        log_level: LogLevel = LogLevel.INFO,
    ) -> None:
        services = clusters or {}
        header = Header(
            plugins=[
                PluginData.of(_described(module, file), config) for module, file, config in plugins
            ],
            mode=mode,
            clock=time_ns() if clock is None else clock,
            seed=seed,
            buffer_limit=buffer_limit,
            log_level=log_level,
            clusters=sorted(services),
        )
        self.recording = Recording(header)
        remembering = {name: self._remembering(name, each) for name, each in services.items()}
        self._session = Session(header, [module for module, _, _ in plugins], remembering)

    @property
    def session(self) -> Session:
        """The worker under it, and its trace."""
        return self._session

    def start(self) -> None:
        """Start the plugins.

        PluginError, GuestStopped, ModuleError: one does not start; that is recorded, too.
        """
        step = Step(Start())
        self.recording.steps.append(step)
        try:
            self._session.start()
        except WasmError as error:
            step.action = Start(failure=str(error))
            raise
        finally:
            self._finish(step)

    def handle(
        self,
        request: Request,
        upstream: Upstream = empty_ok,
        chunk_size: int | Sequence[int] | None = None,
        patience: float = PATIENCE,
    ) -> Outcome:
        """Send one request; as :meth:`HttpChain.handle`."""
        chunks = chunk_size if chunk_size is None or isinstance(chunk_size, int) else [*chunk_size]
        sent = Sent(request=RequestData.of(request), chunks=chunks, patience=patience)
        step = Step(sent)
        self.recording.steps.append(step)
        outcome = self._session.send(sent, self._remembering(None, upstream))
        self._finish(step, outcome)
        return outcome

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._do(Advance(seconds=seconds))

    def set_shared_data(self, key: bytes, value: bytes, vm_id: str = "") -> None:
        """Set shared data, as another worker would."""
        self._do(SharedData(vm_id=vm_id, key=key, value=value))

    def enqueue(self, name: bytes, item: bytes, vm_id: str = "") -> None:
        """Put an item into a shared queue, as another worker would."""
        self._do(Enqueue(vm_id=vm_id, name=name, item=item))

    def _do(self, action: Advance | SharedData | Enqueue) -> None:
        step = Step(action)
        self.recording.steps.append(step)
        self._session.do(action)
        self._finish(step)

    def _finish(self, step: Step, outcome: Outcome | None = None) -> None:
        step.events = self._session.events()
        step.outcome = self._session.outcome(outcome)
        self.recording.lost = self._session.trace.lost

    def _remembering(self, name: str | None, service: Upstream) -> Upstream:
        def remember(request: Request) -> Answer:
            answer = answer_of(service, request)
            asked, answered = RequestData.of(request), AnswerData.of(answer)
            line = Answered(by=name, request=asked, answer=answered)
            self.recording.steps[-1].answered.append(line)
            return answer

        return remember


def _described(module: Module, file: Path) -> ModuleData:
    return ModuleData(name=Path(module.name).stem, file=str(file), sha256=module.sha256)
