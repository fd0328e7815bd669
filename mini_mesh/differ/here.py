"""Our host's side: a case through a filter under wasmtime, into a view."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import mesh_traffic
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.arriving import arriving
from mini_mesh.differ.case import Case
from mini_mesh.differ.ear import Ear
from mini_mesh.differ.flaws import flaw
from mini_mesh.differ.view import Ending, View
from mini_mesh.filter_rig.config import NODE, UPSTREAM, VIRTUAL_HOST
from mini_mesh.filter_rig.rig import PortsUsed
from mini_mesh.filter_rig.upstream import EMPTY_OK
from mini_mesh.ports import LOOPBACK
from wasm_filters.abi import LogLevel
from wasm_filters.config import PluginConfig
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.loop import FAKE_START, Clock
from wasm_filters.module import Module
from wasm_filters.properties import Surroundings
from wasm_filters.services.upstream import Answer, Upstream
from wasm_filters.state.metrics import Metric
from wasm_filters.worker import Worker

_LEVELS = {LogLevel.WARN: "warning"}  # as Envoy calls them
PATIENCE = 2.0  # seconds until a client of a filter that does not go on gives up


class DriftingClock:
    """A clock that is wrong, and goes on at every look: what depends on the time shows."""

    def __init__(self) -> None:
        self._now = FAKE_START

    def __call__(self) -> int:
        self._now += 1_234_567_891
        return self._now

    def advance(self, nanoseconds: int) -> None:
        self._now += nanoseconds


class Here:
    """A chain of filters on a worker of its own. WasmError: one can't be loaded, or refuses to
    start. The cluster that requests go to can be called, too.

    ``seed`` is that of what differs by chance: random numbers, and the id of a connection. After
    each case ``flaw`` and ``wrong_length`` say what is not right with what came out of it.
    """

    def __init__(
        self,
        filters: Sequence[tuple[Module, PluginConfig]],
        clock: Clock,
        seed: int,
        clusters: Sequence[str] = (),
    ) -> None:
        self._ear = Ear()
        services: dict[str, Upstream] = {name: lambda request: EMPTY_OK for name in clusters}
        services[UPSTREAM] = self._called
        self._answering: Upstream = lambda request: EMPTY_OK
        self._arrived: list[Request] = []
        self._surroundings = Surroundings(
            connection_id=seed,
            cluster_name=UPSTREAM,
            virtual_host_name=VIRTUAL_HOST,
            node=NODE,
        )
        self._worker = Worker(
            clock=clock,
            random=random.Random(seed),
            clusters=services,
            log_level=LogLevel.TRACE,
            listener=self._ear,
            surroundings=self._surroundings,
        )
        self._clusters = clusters
        self._plugins = [self._worker.plugin(module, config) for module, config in filters]
        self._chain = HttpChain(self._worker, self._plugins)
        self.started = self._view(Ending.ANSWERED)
        self.wrong_length = False
        self.flaw = ""

    @property
    def asked(self) -> frozenset[bytes]:
        """The paths of the properties that the filter has ever asked for."""
        return frozenset(self._ear.asked)

    def run(self, case: Case, ports: PortsUsed) -> View:
        """One case; the VM keeps what the ones before have left in it.

        ``ports`` are those that Envoy had for it, which the filter may ask for.
        """
        around = replace(
            self._surroundings,
            source=f"{LOOPBACK}:{ports.client}",
            destination=f"{LOOPBACK}:{ports.listener}",
            upstream=f"{LOOPBACK}:{ports.upstream}",
            upstream_local=f"{LOOPBACK}:{ports.envoy}",
        )
        for plugin in self._plugins:
            plugin.surroundings = around.having(plugin.config.properties)
        sizes = _sizes(case.request_pieces())
        self._answering = _upstream(case)
        self._arrived.clear()
        outcome = self._chain.handle(arriving(case.request), self._called, sizes, PATIENCE)
        self.flaw = flaw(outcome)
        self.wrong_length = _wrong_length(outcome.request) or (
            case.request.method != "HEAD" and _wrong_length(outcome.response)
        )
        return self._view(_ending(outcome), outcome)

    def _called(self, request: Request) -> Response | Answer:
        """The upstream is asked: by the router, or by a filter's call."""
        self._arrived.append(request)
        return self._answering(request)

    def metrics(self) -> dict[str, Metric]:
        return self._worker.metrics()

    def _view(self, ending: Ending, outcome: Outcome | None = None) -> View:
        logs = tuple(self._worker.journal.logs) if outcome is None else outcome.logs
        self._worker.journal.logs.clear()
        calls, self._ear.calls = self._ear.calls, []
        called: dict[str, list[Request]] = {name: [] for name in self._clusters}
        for callout in outcome.callouts if outcome else ():
            if callout.cluster != UPSTREAM:
                called[callout.cluster].append(callout.request)
        return View(
            ending,
            outcome.response if outcome else None,
            self._requests(outcome),
            called,
            [(_LEVELS.get(log.level, log.level.name.lower()), log.message) for log in logs],
            calls,
        )

    def _requests(self, outcome: Outcome | None) -> tuple[Request, ...]:
        """What came to the upstream, also a request that was answered before it was asked."""
        late = outcome.request if outcome is not None else None
        missing = late is not None and late not in self._arrived
        return (*self._arrived, *([late] if late is not None and missing else ()))


def _wrong_length(message: Request | Response | None) -> bool:
    """A filter changed the body and not the field that says how long it is."""
    length = message.headers.get("content-length") if message is not None else None
    return message is not None and length not in (None, str(len(message.body.data)))


def _upstream(case: Case) -> Upstream:
    answer = Answer(case.answer, chunk_size=_sizes(case.answer_pieces()))
    bare = Answer(mesh_traffic.replace(case.answer, body=Body(), trailers=Headers()))
    return lambda request: bare if request.method == "HEAD" else answer


def _sizes(pieces: Sequence[bytes]) -> list[int]:
    return [len(piece) for piece in pieces]


def _ending(outcome: Outcome) -> Ending:
    if outcome.response is not None:
        return Ending.ANSWERED
    return Ending.RESET if outcome.reset else Ending.NOTHING
