"""One Envoy worker: the VMs, the time, the shared state and the services that its filters know.

Everything that a filter can see of the world comes from here, and all of it is fake unless it is
given: the clock stands still until something is waited for, random numbers repeat, and a callout
goes to a function.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from wasm_filters.abi import LogLevel
from wasm_filters.config import Mode, PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.loop import Clock, FakeClock, Loop
from wasm_filters.machine import Listener
from wasm_filters.module import Module
from wasm_filters.plugin import Plugin
from wasm_filters.properties import PLAIN, Surroundings
from wasm_filters.services.callouts import Callouts
from wasm_filters.services.grpc_calls import GrpcCalls
from wasm_filters.services.upstream import Upstream
from wasm_filters.state.host import Journal
from wasm_filters.state.metrics import Metric
from wasm_filters.state.shared import SharedState
from wasm_filters.ticks import Ticks
from wasm_filters.vms import Vms


@dataclass(slots=True, eq=False)
class Worker:
    """``clusters`` answer callouts, by the name that the filter calls. ``surroundings`` are what
    filters can ask of the proxy around them. ``shared`` may be another
    worker's: Envoy's workers share data and queues. ``listener`` hears every call."""

    mode: Mode = Mode.ENVOY
    clock: Clock = field(default_factory=FakeClock)
    random: random.Random = field(default_factory=lambda: random.Random(0))
    shared: SharedState = field(default_factory=SharedState)
    clusters: Mapping[str, Upstream] = field(default_factory=dict)
    log_level: LogLevel = LogLevel.INFO
    limits: Limits = field(default_factory=Limits)
    surroundings: Surroundings = PLAIN
    listener: Listener | None = None
    journal: Journal = field(default_factory=Journal, init=False)
    loop: Loop = field(init=False)
    callouts: Callouts = field(init=False)
    grpc: GrpcCalls = field(init=False)
    ticks: Ticks = field(init=False)
    vms: Vms = field(init=False)

    def __post_init__(self) -> None:
        self.loop = Loop(self.clock, self.journal.warn)
        self.callouts = Callouts(self)
        self.grpc = GrpcCalls(self.callouts)
        self.ticks = Ticks(self.loop)
        self.vms = Vms(self, self.limits, self.listener)

    def plugin(self, module: Module, config: PluginConfig | None = None) -> Plugin:
        """A started plugin.

        PluginError: it refused to start or refused its configuration. GuestStopped: it trapped or
        hung. ModuleError: its imports can't be met.
        """
        return Plugin(module, config or PluginConfig(), self.vms)

    def listen(self, listener: Listener | None) -> None:
        """Let ``listener`` hear all that follows; None for nobody, which costs nothing."""
        self.listener = listener
        self.vms.listen(listener)

    def advance(self, seconds: float) -> None:
        """Let time pass: ticks, timeouts and answers that are due happen."""
        self.loop.advance(seconds)

    def close(self) -> None:
        """Give the memory of its VMs back at once; whoever makes thousands of workers wants to.

        What was read of it stays: outcomes, logs, metrics, shared data.
        """
        self.vms.close()

    def metrics(self) -> dict[str, Metric]:
        """All metrics that its filters defined, by name."""
        found: dict[str, Metric] = {}
        for machine in self.vms.machines():
            found |= machine.host.metrics.values()
        return found
