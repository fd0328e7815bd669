"""What compiling costs, measured: ``python bench/compile/measure.py [--services 10000]``.

Prints one JSON object. Cold: a process of its own reads a file of so many services and compiles it
to the bytes of all snapshots; CPU seconds by phase, and the most memory that it took. Then, in that
process: one service's endpoints move, until the new snapshot is there, and until a Delta stream
has the bytes to send. Beside it what others need only to read the same text.

Of ten services three have a command and environment, one speaks gRPC, one is known by a further
host, one has two versions; of a hundred one has a timeout. None calls another: with sidecars too,
each has its own Envoy, and the client's may call everybody.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
MOVES = 200


def pattern_file(services: int, dataplane: str) -> str:
    """The text of a file of so many services."""
    lines = ["name: many", "mesh:", f"  dataplane: {dataplane}", "  services:"]
    for index in range(services):
        lines += [f"    {_name(index)}:", *(f"      {line}" for line in _service(index))]
    lines += ["patterns:"]
    lines += [
        f"  - {{pattern: timeout, on: {_name(index)}, after: 2s}}"
        for index in range(0, services, 100)
    ]
    return "\n".join(lines) + "\n"


def _name(index: int) -> str:
    return f"service-{index:05d}"


def _service(index: int) -> list[str]:
    environment = f"run: python -m app {index}", "env: {LOG_LEVEL: info, REGION: eu-west-1}"
    sorts = {
        0: environment,
        1: environment,
        2: environment,
        3: ("protocol: grpc",),
        4: (f"hosts: [{_name(index)}.prod.svc.cluster.local]",),
        5: ("versions: {v1: {run: python app.py 1}, v2: {run: python app.py 2}}",),
    }
    return list(sorts.get(index % 10, ("protocol: http",)))


class Laps:
    """CPU seconds of one phase after the other."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}
        self._last = 0.0  # the process's own start: imports before this count, too

    def lap(self, name: str) -> None:
        now = time.process_time()
        self.found[name] = now - self._last
        self._last = now


def cold(file: Path) -> dict[str, Any]:
    """Everything of this process, from its start on."""
    laps = Laps()
    from mesh_patterns import assemble, load
    from mesh_patterns.collector import paused
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.placement import Placement
    from mesh_patterns.variables import substitute
    from mesh_yaml import yaml

    laps.lap("import")
    with paused():  # as ``load`` does
        (tree,) = yaml.read(file)
        laps.lap("read")
        mesh = assemble.mesh("many", [substitute(tree, {})], [file], ())
        laps.lap("assemble")
    draft = load.apply(mesh)
    laps.lap("apply")
    placement = Placement.imagined(mesh)
    snapshots = compile_mesh(draft, placement)
    resources = [each for snapshot in snapshots.values() for each in snapshot]
    size = sum(len(each.body) for each in resources)
    laps.lap("compile to bytes")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "cpu_s": laps.found | {"all": sum(laps.found.values())},
        "nodes": len(snapshots),
        "resources": len(resources),
        "megabytes": size / 1e6,
        "peak_memory_mib": peak,
        "one_endpoint": moving(draft, placement, snapshots),
    }


def moving(draft: Any, placement: Any, snapshots: Any) -> dict[str, float]:
    """One service after the other is somewhere else: milliseconds of CPU each."""
    from mesh_patterns.compile.endpoints import Endpoints
    from mesh_patterns.placement import Placement

    started = time.process_time()
    endpoints = Endpoints(draft)
    indexed = time.process_time()
    stream = Stream(snapshots)
    compiled, sent = [], []
    for index in range(MOVES):
        name = _name(10 * index % len(draft.mesh.services))
        placement = Placement({**placement.ports, f"inbound:{name}": 60_000 + index})
        asked = time.process_time()
        snapshots = endpoints.moved(snapshots, [name], placement)
        compiled.append(time.process_time() - asked)
        stream.follow(snapshots)
        sent.append(time.process_time() - asked)
    return {
        "moves": MOVES,
        "index_once_ms": (indexed - started) * 1e3,
        "compiled_p50_ms": statistics.median(compiled) * 1e3,
        "compiled_max_ms": max(compiled) * 1e3,
        "on_the_wire_p50_ms": statistics.median(sent) * 1e3,
        "on_the_wire_max_ms": max(sent) * 1e3,
    }


class Stream:
    """A Delta stream of the Envoy with the client's listener, which ACKs whatever it gets."""

    def __init__(self, snapshots: Any) -> None:
        from xds_server.node import NodeInfo
        from xds_server.serving import wire
        from xds_server.sessions.delta import DeltaSession

        self._node = "node" if "node" in snapshots else "ingress"
        self._encoder = wire.Encoder()
        self._session = DeltaSession(NodeInfo(self._node), time.time)
        self._session.update(snapshots[self._node])
        self._subscribe(snapshots[self._node])

    def follow(self, snapshots: Any) -> None:
        if not self._answer(self._session.update(snapshots[self._node])):
            raise SystemExit("a moved endpoint was not told")

    def _subscribe(self, snapshot: Any) -> None:
        from xds_server.resource import ResourceType
        from xds_server.sessions.messages import DeltaRequest

        for kind in ResourceType:
            names = tuple(snapshot.resources(kind))
            if names:
                wanted = () if kind in (ResourceType.CLUSTER, ResourceType.LISTENER) else names
                request = DeltaRequest(kind.type_url, subscribe=wanted)
                self._answer(self._session.receive(request))

    def _answer(self, outputs: Any) -> int:
        from xds_server.sessions.messages import DeltaRequest, DeltaResponse

        count, waiting = 0, list(outputs)
        while waiting:
            each = waiting.pop(0)
            if isinstance(each, DeltaResponse):
                count += len(self._encoder.encode(each))
                ack = DeltaRequest(each.type.type_url, nonce=each.nonce)
                waiting += self._session.receive(ack)
        return count


def peers(text: str) -> Iterator[tuple[str, float]]:
    """CPU seconds that others need to read the text, without a mesh to make of it."""
    import yaml
    from ruamel.yaml import YAML

    from mesh_yaml.yaml import parse

    works: dict[str, Callable[[], Any]] = {
        "our tree of nodes, with places": lambda: parse(text, "many.yaml"),
        "ruamel.yaml, composing nodes": lambda: YAML(typ="safe", pure=True).compose(text),
        "PyYAML with libyaml, plain values": lambda: yaml.load(text, yaml.CSafeLoader),
    }
    for name, work in works.items():
        started = time.process_time()
        work()
        yield name, time.process_time() - started


def rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    return round(found, 3) if isinstance(found, float) else found


def apart(file: Path) -> Any:
    """The cold measurement, in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--cold", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--services", type=int, default=10_000)
    arguments.add_argument("--cold", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.cold:
        print(json.dumps(cold(given.cold)))
        return
    found: dict[str, Any] = {"python": sys.version.split()[0], "cpus": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        for dataplane in ("node", "sidecar"):
            file = Path(folder) / f"{dataplane}.yaml"
            file.write_text(pattern_file(given.services, dataplane))
            found[f"{given.services} services, {dataplane}"] = apart(file)
    found["reading, cpu_s"] = dict(peers(pattern_file(given.services, "node")))
    print(json.dumps(rounded(found), indent=2))


if __name__ == "__main__":
    main()
