"""Sends a load to a mesh, and asks its parts before and after what they have done."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshloom import __version__
from meshloom.bench.asked import Asked
from mini_mesh.load.others.generator import AUTO, OWN, choose, drive
from mini_mesh.load.usage import usages
from mini_mesh.smp.mesh import CONTROL_PLANE, About, Used, config

if TYPE_CHECKING:
    from debugger.traffic.flow import Flow
    from debugger.traffic.worth import Worth
    from mesh_patterns.draft import Draft
    from mini_mesh.load.load import Load
    from mini_mesh.load.result import Result
    from mini_mesh.mesh import MiniMesh
    from mini_mesh.smp.write import Run

PUSHES = 3  # of listeners and of clusters; the median counts

Say = Callable[[str], None]
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class How:
    """Who sends, by how many processes, and how often it is repeated."""

    generator: str = AUTO
    processes: int = 1
    rounds: int = 1
    workers: int = 1


@dataclass(slots=True)
class Measured:
    """One load, and what the mesh says of the time in which it came. ``used`` is of all nodes;
    ``cpu`` are the seconds of it that the Envoys took for ``sent`` requests, the warm-up with them.
    """

    load: Load
    result: Result
    state: State | None = None
    used: Used | None = None
    flows: tuple[Flow, ...] = ()
    worth: Worth | None = None
    pushes: Mapping[str, float] | None = None  # "lds" and "cds": milliseconds
    cpu: float = 0.0
    sent: float = 0.0

    @property
    def per_thousand(self) -> float:
        """Seconds of CPU of the Envoys for 1,000 requests of the load."""
        return 1000 * self.cpu / self.sent if self.sent else 0.0

    def run(self, asked: Asked, about: About | None) -> Run:
        """As SMP has it."""
        from mini_mesh.smp.write import Run

        ident = str(uuid.uuid4())
        mesh = None
        if self.state is not None and self.used is not None:
            told = about or About("", f"meshloom {__version__}")
            mesh = config(self.state, self.used, replace(told, id=f"{ident}-mesh"))
        name = asked.name or (self.state["name"] if self.state else "load")
        return Run(ident, name, self.load, self.result, mesh, asked.inside)


async def measure(asked: Asked, state: State | None, how: How) -> Measured:
    """One round. Raises ``LoadError``, and ``AdminError`` for an Envoy that does not answer."""
    load = asked.load(state)
    name = choose(how.generator, load)
    processes = how.processes if name == OWN else 1
    if state is None:
        return Measured(load, await drive(name, load, processes))
    from debugger.traffic import ask
    from debugger.traffic.flow import flows
    from debugger.traffic.worth import worth

    admins, pids = ask.admins_of(state), _pids(state)
    before, used, start = await ask.readings(admins), usages(pids), time.perf_counter()
    result = await drive(name, load, processes)
    seconds, after = time.perf_counter() - start, usages(pids)
    told = await ask.told(admins, before)
    found = tuple(flows(state, told))
    requests = {it.node: it.total for it in found if it.side == "server"}
    spent = Used(seconds, used, after, requests)
    cpu = sum(spent.cpu(node) for node in state["envoys"])
    sent = result.whole.requests * (1 + load.warm_up / load.seconds)
    return Measured(load, result, state, spent, found, worth(told), cpu=cpu, sent=sent)


def _pids(state: State) -> dict[str, int | None]:
    nodes = {node: each.get("pid") for node, each in state["envoys"].items()}
    return {**nodes, CONTROL_PLANE: state.get("pid")}


@asynccontextmanager
async def brought_up(draft: Draft, envoy: Path | None, workers: int) -> AsyncIterator[MiniMesh]:
    """A mesh for the time of a measurement. Raises ``DocumentError``."""
    from meshloom.running import find_envoy, open_mesh

    async with open_mesh(find_envoy(envoy), lambda event: None, workers=workers) as mesh:
        await mesh.start(draft)
        yield mesh


async def pushes(mesh: MiniMesh) -> dict[str, float]:
    """Milliseconds until 90 % of the Envoys have a listener, and a cluster: medians."""
    import statistics

    from mini_mesh.control.pushes import NotTaken, latency
    from xds_server.resource import ResourceType

    found = {}
    for name, kind in (("lds", ResourceType.LISTENER), ("cds", ResourceType.CLUSTER)):
        try:
            times = [await latency(mesh.control, kind, number) for number in range(PUSHES)]
        except NotTaken:
            continue
        found[name] = statistics.median(times)
    return found


def about(draft: Draft, workers: int, times: Mapping[str, float]) -> About:
    """What the files say of a mesh."""
    kinds = [spec.pattern for spec in draft.mesh.patterns]
    routes = ("route", "canary", "mirror", "retries", "timeout")
    policies = ("circuit_breaker", "load_balancing", "outlier_detection")
    return About(
        "",
        f"meshloom {__version__}",
        mtls="mtls" in kinds,
        concurrency=workers,
        routes=sum(kind in routes for kind in kinds),
        policies=sum(kind in policies for kind in kinds),
        lds=times.get("lds", 0.0),
        cds=times.get("cds", 0.0),
    )


def merged(rounds: list[Measured]) -> Measured:
    """Rounds of one load as one measurement; of the mesh, what the last one says."""
    from mini_mesh.load.histogram import Histogram

    last = rounds[-1]
    if len(rounds) == 1:
        return last
    for edge, *others in zip(*(each.result.edges for each in reversed(rounds)), strict=True):
        for other in others:
            edge.latency = Histogram.merged((edge.latency, other.latency))
            edge.service = Histogram.merged((edge.service, other.service))
            edge.statuses += other.statuses
            edge.errors += other.errors
    last.cpu, last.sent = sum(each.cpu for each in rounds), sum(each.sent for each in rounds)
    lags = [each.result.lag for each in rounds]
    last.result.lag = Histogram.merged(lags)
    last.result.seconds = sum(each.result.seconds for each in rounds)
    last.result.behind = sum(each.result.behind for each in rounds)
    return last
