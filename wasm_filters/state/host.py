"""The host's side of one VM: the state that hostcalls act on."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasm_filters.abi import AbiVersion, LogLevel
from wasm_filters.config import Mode, PluginConfig
from wasm_filters.dialect import Difference, Lean
from wasm_filters.engine.memory import Memory
from wasm_filters.errors import Frame
from wasm_filters.loop import Clock, Loop
from wasm_filters.properties import Surroundings
from wasm_filters.services.callouts import Caller, Callouts
from wasm_filters.services.grpc_calls import GrpcCalls
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.metrics import Metrics
from wasm_filters.state.shared import SharedState
from wasm_filters.ticks import Ticks

MAX_LOGS = 10_000  # per worker, between two looks at them; beyond it the oldest go and are counted
MAX_LOG_BYTES = 16 * 1024
MAX_WARNINGS = 1000
MAX_WARNING = 1000  # characters of one


@dataclass(frozen=True, slots=True)
class Log:
    """One line that a filter wrote; ``plugin`` is the name of the one that did."""

    level: LogLevel
    message: str
    plugin: str = ""


class Journal:
    """What the filters of one worker say, and what is said about them. Both are bounded."""

    def __init__(self) -> None:
        self.logs: deque[Log] = deque(maxlen=MAX_LOGS)
        self.logs_lost = 0
        self.warnings: list[str] = []
        self.leans: dict[Lean, int] = {}

    def log(self, level: LogLevel, message: bytes, plugin: str) -> None:
        if len(self.logs) == MAX_LOGS:
            self.logs_lost += 1
        text = message[:MAX_LOG_BYTES].decode("utf-8", "replace")
        self.logs.append(Log(level, text, plugin))

    def warn(self, message: str) -> None:
        """Note something that works, but not as the filter's author will expect; once each."""
        cut = message if len(message) <= MAX_WARNING else f"{message[:MAX_WARNING]}…"
        if cut not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(cut)


class Environment(Protocol):
    """The worker, as hostcalls see it."""

    mode: Mode
    clock: Clock
    random: random.Random
    shared: SharedState
    log_level: LogLevel
    journal: Journal
    callouts: Callouts
    grpc: GrpcCalls
    ticks: Ticks
    loop: Loop
    surroundings: Surroundings


class Host:
    """Everything that one VM's hostcalls read and change.

    ``calling`` is the callback that runs, ``""`` between callbacks, and ``called`` the context that
    it runs on; ``current`` is the effective context. ``actions`` are what hostcalls asked for and
    what is done when the callback has returned; ``stopping`` says that its answer does not count,
    because it replied or closed. ``memory`` is set once the VM exists; a hostcall from a start
    section, before that, finds an empty one. ``stack`` answers the guest's functions that wait for
    the hostcall that runs, innermost first; it, too, is set once the VM exists.
    """

    def __init__(self, version: AbiVersion, config: PluginConfig, worker: Environment) -> None:
        self.version = version
        self.config = config  # of the plugin that made the VM
        self.worker = worker
        self.journal = worker.journal
        self.spec = worker.mode is Mode.SPEC
        self.current = self.called = Context(id=0, config=config)
        self.contexts: dict[int, Context] = {}
        self.calling = ""
        self.actions: deque[Callable[[], object]] = deque()
        self.stopping = False
        self.metrics = Metrics()
        self.last_call = [0, 0, 0]  # ids of HTTP calls, gRPC calls, gRPC streams
        self.last_token, self.resolving = 1, 0  # of names: Envoy begins with 2; under way
        self.caller: Caller | None = None
        self.last_buffer = Buffer()
        self.plugin_configuration: Buffer | None = None
        self.vm_configuration = Buffer(config.vm_configuration)
        self.memory = Memory(lambda: memoryview(b""), lambda size: 0, self.warn)
        self.stack: Callable[[], tuple[Frame, ...]] = tuple

    def next_call(self, kind: int) -> int:
        """An id for a call: the low two bits tell its kind, 0 HTTP, 1 gRPC call, 2 gRPC stream."""
        self.last_call[kind] += 4
        return self.last_call[kind] | kind

    def log(self, level: LogLevel, message: bytes) -> None:
        self.journal.log(level, message, self.current.config.name)

    def warn(self, message: str) -> None:
        self.journal.warn(f"{self.calling}: {message}" if self.calling else message)

    def differs(self, difference: Difference, callback: str = "") -> bool:
        """Note that the filter met ``difference``, in the callback that runs or in ``callback``;
        True where Envoy's way is to be taken."""
        lean = Lean(difference, callback or self.calling, self.current.config.name)
        if len(self.journal.leans) < MAX_WARNINGS:
            self.journal.leans[lean] = self.journal.leans.get(lean, 0) + 1
        return not self.spec
