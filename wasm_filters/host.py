"""The host's side of one VM: the state that hostcalls act on."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wasm_filters.abi import AbiVersion, LogLevel
from wasm_filters.buffer import Buffer
from wasm_filters.context import Context
from wasm_filters.memory import Memory
from wasm_filters.metrics import Metrics
from wasm_filters.shared import SharedState

MAX_LOGS = 10_000  # per VM, between two looks at them; beyond it the oldest go and are counted
MAX_LOG_BYTES = 16 * 1024
FAKE_START = 1_700_000_000_000_000_000  # nanoseconds since the epoch: a fixed day in 2023


@dataclass(frozen=True, slots=True)
class Log:
    """One line that the filter wrote."""

    level: LogLevel
    message: str


class FakeClock:
    """A clock that stands still until somebody moves it: the default, so that tests repeat."""

    def __init__(self, ns: int = FAKE_START) -> None:
        self.ns = ns

    def __call__(self) -> int:
        return self.ns


@dataclass(frozen=True, slots=True)
class Settings:
    """How a plugin is configured, in the words of Envoy's PluginConfig and VmConfig.

    ``properties`` answer ``proxy_get_property`` where this host knows nothing better, by their
    path (``"xds.cluster_name"``). ``clock`` answers nanoseconds since the epoch.
    """

    name: str = ""
    root_id: str = ""
    vm_id: str = ""
    configuration: bytes = b""
    vm_configuration: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, bytes] = field(default_factory=dict)
    log_level: LogLevel = LogLevel.INFO
    clock: Callable[[], int] = field(default_factory=FakeClock)
    random: random.Random = field(default_factory=lambda: random.Random(0))
    shared: SharedState = field(default_factory=SharedState)


class Host:
    """Everything that one VM's hostcalls read and change.

    ``current`` is the effective context. ``calling`` is the callback that runs, ``""`` between
    callbacks. ``memory`` is set once the VM exists; a hostcall from a start section, before that,
    finds an empty one.
    """

    def __init__(self, version: AbiVersion, settings: Settings) -> None:
        self.version = version
        self.settings = settings
        self.root = Context(id=1, root=1)
        self.current = self.root
        self.contexts: dict[int, Context] = {}
        self.calling = ""
        self.metrics = Metrics()
        self.tick_period = 0  # milliseconds, 0: no timer
        self.last_buffer = Buffer()
        self.plugin_configuration: Buffer | None = None
        self.vm_configuration = Buffer(settings.vm_configuration)
        self.queues_ready: deque[int] = deque()
        self.logs: deque[Log] = deque(maxlen=MAX_LOGS)
        self.logs_lost = 0
        self.warnings: list[str] = []
        self.memory = Memory(lambda: memoryview(b""), lambda size: 0, self.warn)

    def log(self, level: LogLevel, message: bytes) -> None:
        if len(self.logs) == MAX_LOGS:
            self.logs_lost += 1
        self.logs.append(Log(level, message[:MAX_LOG_BYTES].decode("utf-8", "replace")))

    def warn(self, message: str) -> None:
        """Note something that works, but not as the filter's author will expect; once each."""
        line = f"{self.calling}: {message}" if self.calling else message
        if line not in self.warnings and len(self.warnings) < MAX_LOGS:
            self.warnings.append(line)
