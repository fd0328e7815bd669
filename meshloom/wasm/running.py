"""A filter that a command runs one request through: as it is, or with a recording made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Protocol

from mesh_traffic import Request
from wasm_filters.config import Mode, PluginConfig
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.loop import SystemClock
from wasm_filters.module import Module
from wasm_filters.services.upstream import Upstream, empty_ok
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker


@dataclass(frozen=True)
class Around:
    """What is around the filter: whose answers it gets, and who answers it."""

    mode: Mode = Mode.ENVOY
    upstream: Upstream = empty_ok
    clusters: Mapping[str, Upstream] = field(default_factory=dict)


class Running(Protocol):
    """A filter; ``trace`` is None if nobody asked for one. Starting raises WasmError."""

    @property
    def trace(self) -> Trace | None: ...

    def start(self) -> None: ...

    def handle(self, request: Request) -> Outcome: ...

    def finish(self) -> None:
        """Write down what is to be kept; WasmError if that fails."""
        ...


class Plain:
    """The filter in ``file``, with this machine's time and randomness."""

    def __init__(self, file: Path, config: PluginConfig, around: Around, traced: bool) -> None:
        self._around = around
        self.trace = Trace() if traced else None
        self._file = file
        self._config = config

    def start(self) -> None:
        worker = Worker(
            self._around.mode,
            SystemClock(),
            SystemRandom(),
            clusters=self._around.clusters,
            listener=self.trace,
        )
        self._filter = Filter.load(self._file, config=self._config, worker=worker)

    def handle(self, request: Request) -> Outcome:
        return self._filter.handle(request, self._around.upstream)

    def finish(self) -> None:
        """There is nothing to keep."""


class Recorded:
    """The same, recorded to ``target``: time stands still at now, and random numbers have a seed.

    The values of secret headers are kept only ``with_secrets``.
    """

    def __init__(
        self,
        file: Path,
        config: PluginConfig,
        around: Around,
        traced: bool,
        target: Path,
        with_secrets: bool,
    ) -> None:
        self._around = around
        self._file = file
        self._config = config
        self._traced = traced
        self._target = target
        self._with_secrets = with_secrets

    @property
    def trace(self) -> Trace | None:
        return self._recorder.session.trace if self._traced else None

    def start(self) -> None:
        from wasm_filters.recording.recorder import SEED_BITS, Recorder

        module = Module.load(self._file, CompiledCache.default())
        seed = SystemRandom().getrandbits(SEED_BITS)
        plugins = [(module, self._file, self._config)]
        self._recorder = Recorder(plugins, self._around.clusters, self._around.mode, seed=seed)
        try:
            self._recorder.start()
        except BaseException:
            self.finish()
            raise

    def handle(self, request: Request) -> Outcome:
        return self._recorder.handle(request, self._around.upstream)

    def finish(self) -> None:
        from tap.redact import Redactor
        from wasm_filters.recording.file import write
        from wasm_filters.recording.masks import masked

        recording = self._recorder.recording
        if not self._with_secrets:
            recording = masked(recording, Redactor().is_secret)
        write(recording, self._target)
