"""Many cases through both engines, one after the other, and what differs in each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mini_mesh.differ import there
from mini_mesh.differ.case import Case
from mini_mesh.differ.compare import Difference, compare
from mini_mesh.differ.here import DriftingClock, Here
from mini_mesh.differ.known import Evidence, explain
from mini_mesh.differ.view import parts
from mini_mesh.envoy_binary import EnvoyBinary
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.rig import Rig, open_rig
from wasm_filters.abi import MetricType
from wasm_filters.config import PluginConfig
from wasm_filters.loop import SystemClock
from wasm_filters.metrics import Metric
from wasm_filters.module import Module

SEED, OTHER_SEED = 0, 1


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
    """A filter in both engines, and in our host twice more: with another clock, and with other
    random numbers.
    """

    def __init__(self, rig: Rig, wasm: WasmFilter, module: Module, clusters: Sequence[str]) -> None:
        self._rig = rig
        self._wasm = wasm
        config = wasm.config
        self._here = Here(module, config, SystemClock(), SEED, clusters)
        self._other_clock = Here(module, config, DriftingClock(), SEED, clusters)
        self._other_random = Here(module, config, SystemClock(), OTHER_SEED, clusters)

    async def run(self, case: Case) -> Result:
        """One case; state that the filter keeps goes on from the cases before."""
        envoy = parts(await there.run(self._rig, self._wasm, case))
        here = parts(self._here.run(case))
        evidence = Evidence(
            here,
            envoy,
            parts(self._other_clock.run(case)),
            parts(self._other_random.run(case)),
            self._here.wrong_length,
        )
        return Result(case, explain(compare(here, envoy), evidence))

    async def metrics(self) -> Result:
        """The counters and gauges, after all cases."""
        envoy = {f"metric {name}": str(n) for name, n in (await self._rig.metrics()).items()}
        here = _counted(self._here.metrics())
        clock, chance = (_counted(one.metrics()) for one in (self._other_clock, self._other_random))
        return Result(None, explain(compare(here, envoy), Evidence(here, envoy, clock, chance)))


def _counted(metrics: Mapping[str, Metric]) -> dict[str, str]:
    return {
        f"metric {name}": str(metric.value)
        for name, metric in metrics.items()
        if metric.type is not MetricType.HISTOGRAM
    }


@asynccontextmanager
async def open_differ(
    envoy: EnvoyBinary, folder: Path, code: bytes, module: Module, config: PluginConfig,
    clusters: Sequence[str] = (),
) -> AsyncIterator[Differ]:  # fmt: skip
    """Both engines with this filter. ``clusters`` answer every callout with an empty 200.

    WasmError: our host does not start the filter. RigError: Envoy does not.
    """
    wasm = WasmFilter(code, config)
    layout = Layout({there.CHAIN: [wasm]}, clusters)
    async with open_rig(envoy, layout, folder) as rig:
        yield Differ(rig, wasm, module, clusters)
