"""Many cases through both engines, one after the other, and what differs in each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mini_mesh.differ import there
from mini_mesh.differ.case import Case
from mini_mesh.differ.compare import Difference, compare
from mini_mesh.differ.here import PATIENCE, DriftingClock, Here
from mini_mesh.differ.known import Evidence, explain
from mini_mesh.differ.view import Ending, parts
from mini_mesh.envoy_binary import EnvoyBinary
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.rig import PortsUsed, Rig, open_rig
from wasm_filters.abi import MetricType
from wasm_filters.loop import SystemClock
from wasm_filters.module import Module
from wasm_filters.state.metrics import Metric

SEED, OTHER_SEED = 1, 2
IMPATIENCE = 0.3  # seconds that an answer is waited for that our host does not expect
_CHAIN = "diff"


@dataclass(frozen=True, slots=True)
class Result:
    """One case and all that differs; ``case`` is None for what is compared once, at the end."""

    case: Case | None
    differences: Sequence[Difference]

    @property
    def unexplained(self) -> list[Difference]:
        return [each for each in self.differences if not each.known]

    @property
    def agrees(self) -> bool:
        """Nothing differs but what has a reason."""
        return not self.unexplained


class Differ:
    """A chain of filters in both engines, and in our host three times more: with another clock,
    with other random numbers, and ahead of Envoy, to know whether there is an answer to wait for.
    """

    def __init__(self, rig: Rig, chain: str, modules: Sequence[Module]) -> None:
        self._rig = rig
        self._chain = chain
        self._metrics: list[Mapping[str, int]] = []
        wasms, clusters = rig.layout.chains[chain], rig.layout.clusters
        pairs = zip(modules, wasms, strict=True)
        filters = [(module, wasm.config) for module, wasm in pairs]
        self._here = Here(filters, SystemClock(), SEED, clusters)
        self._scout = Here(filters, SystemClock(), SEED, clusters)
        self._other_clock = Here(filters, DriftingClock(), SEED, clusters)
        self._other_random = Here(filters, SystemClock(), OTHER_SEED, clusters)

    async def run(self, case: Case) -> Result:
        """One case; state that the filter keeps goes on from the cases before."""
        waits = self._scout.run(case, PortsUsed()).ending is not Ending.NOTHING
        patience = PATIENCE if waits else IMPATIENCE
        view, ports = await there.run(self._rig, self._chain, case, patience)
        envoy, here = parts(view), parts(self._here.run(case, ports))
        evidence = Evidence(
            here,
            envoy,
            parts(self._other_clock.run(case, ports)),
            parts(self._other_random.run(case, ports)),
            self._here.wrong_length,
            self._here.flaw,
            self._here.asked,
        )
        return Result(case, explain(compare(here, envoy), evidence))

    async def begin(self) -> None:
        """Remember the metrics as they are: a filter may count while it starts, and Envoy starts it
        several times.
        """
        self._metrics = await self._counted()

    async def metrics(self) -> Result:
        """How the counters and gauges have moved."""
        moved = [_moved(*each) for each in zip(self._metrics, await self._counted(), strict=True)]
        here, envoy, clock, chance = moved
        return Result(None, explain(compare(here, envoy), Evidence(here, envoy, clock, chance)))

    async def _counted(self) -> list[Mapping[str, int]]:
        sides = (self._here, self._other_clock, self._other_random)
        here, *others = (_values(side.metrics()) for side in sides)
        return [here, await self._rig.metrics(), *others]


def _values(metrics: Mapping[str, Metric]) -> dict[str, int]:
    counted = (MetricType.COUNTER, MetricType.GAUGE)
    return {name: metric.value for name, metric in metrics.items() if metric.type in counted}


def _moved(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, str]:
    return {f"metric {name}": f"{after[name] - before.get(name, 0):+}" for name in after}


@asynccontextmanager
async def open_differ(
    envoy: EnvoyBinary, folder: Path, filters: Sequence[tuple[WasmFilter, Module]],
    clusters: Sequence[str] = (),
) -> AsyncIterator[Differ]:  # fmt: skip
    """Both engines with these filters, in the order of a request. ``clusters`` answer every callout
    with an empty 200.

    WasmError: our host does not start a filter. RigError: Envoy does not.
    """
    layout = Layout({_CHAIN: [wasm for wasm, _ in filters]}, clusters)
    async with open_rig(envoy, layout, folder) as rig:
        differ = Differ(rig, _CHAIN, [module for _, module in filters])
        await differ.begin()
        yield differ
