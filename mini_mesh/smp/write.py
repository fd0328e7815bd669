"""A measured load as SMP's four messages, and as the files in which they are kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mesh_yaml import yaml
from mini_mesh.load.histogram import Histogram
from mini_mesh.load.load import Load
from mini_mesh.load.others.request import parts
from mini_mesh.load.result import Result
from mini_mesh.smp import messages as smp
from mini_mesh.smp.spelling import Message

CONFIG, RESULT, MESH, ENVIRONMENT = "config.yaml", "result.yaml", "mesh.yaml", "environment.yaml"
DETAILS = "details.json"
_MS = 1e6


@dataclass(frozen=True, slots=True)
class Run:
    """What was sent, with what came of it; ``id`` ties the files together."""

    id: str
    name: str
    load: Load
    result: Result
    mesh: smp.ServiceMeshConfig | None = None
    inside: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


def config(run: Run) -> smp.PerformanceTestConfig:
    first = parts(run.load.edges[0])
    headers = dict(first.headers)
    client = smp.Client(
        internal=run.inside,
        load_generator=run.result.generator.partition(",")[0],
        protocol="PROTOCOL_HTTP",
        connections=run.load.connections,
        rps=round(run.load.rate),
        content_type=headers.pop("content-type", ""),
        headers=headers,
        body=first.body.decode(errors="replace"),
        endpoint_urls=[parts(each).url for each in run.load.edges],
    )
    return smp.PerformanceTestConfig(
        smp_version=smp.VERSION,
        id=run.id,
        name=run.name,
        labels={**run.labels, "arrivals": run.load.arrivals},
        clients=[client],
        duration=f"{run.load.seconds:g}s",
    )


def result(run: Run) -> smp.PerformanceTestResult:
    began = run.result.started
    return smp.PerformanceTestResult(
        smp_version=smp.VERSION,
        id=f"{run.id}-result",
        labels={"coordinated_omission": _omission(run.result)},
        start_time=_time(began),
        end_time=_time(began + run.result.seconds),
        latencies_ms=latencies(run.result.whole.latency),
        actual_qps=round(run.result.actual_rate, 3),
        details_uri=DETAILS,
        test_id=run.id,
        mesh_config_id=f"{run.id}-mesh" if run.mesh else "",
        env_id=f"{run.id}-env",
    )


def _omission(told: Result) -> str:
    return "not corrected" if "not corrected" in told.generator else "corrected"


def latencies(times: Histogram) -> smp.Latency:
    """In milliseconds."""
    p50, p90, p99 = (round(times.quantile(share) / _MS, 4) for share in (0.5, 0.9, 0.99))
    least, greatest = round(times.least / _MS, 4), round(times.greatest / _MS, 4)
    average = round(times.mean / _MS, 4)
    return smp.Latency(min=least, average=average, p50=p50, p90=p90, p99=p99, max=greatest)


def environment(run: Run) -> smp.EnvironmentConfig:
    """This machine. There is no Kubernetes on it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    machine = smp.Machine(type=platform.machine(), cores=os.cpu_count() or 0, mem_mb=memory)
    return smp.EnvironmentConfig(smp_version=smp.VERSION, id=f"{run.id}-env", nodes=[machine])


def _time(seconds: float) -> str:
    """As protobuf's JSON has a Timestamp."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def files(run: Run) -> dict[str, str]:
    """The files of a run: four messages, and the histograms, which SMP has no room for."""
    made: dict[str, Message] = {CONFIG: config(run), RESULT: result(run)}
    if run.mesh is not None:
        made[MESH] = run.mesh
    made[ENVIRONMENT] = environment(run)
    texts = {name: yaml.dump(each.plain()) for name, each in made.items()}
    return {**texts, DETAILS: _details(run)}


def _details(run: Run) -> str:
    return json.dumps({"id": run.id, "name": run.name, **run.result.plain()}) + "\n"


def as_json(run: Run) -> dict[str, Any]:
    """The four messages as one object."""
    told: dict[str, Any] = {"config": config(run).plain(), "result": result(run).plain()}
    if run.mesh is not None:
        told["mesh"] = run.mesh.plain()
    return {**told, "environment": environment(run).plain()}


def write(run: Run, folder: Path) -> list[Path]:
    """Write them into a folder, which is made. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in files(run).items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths
