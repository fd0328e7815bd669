"""How long people wait: from command to first answer, from a file's write to its effect.

    .venv/bin/python bench/up/bench_up.py [--runs 10]

Peers, in the same run: one plain Envoy with a static config (what a start costs without us), and
Envoy's own file-based xDS (what following a file costs without a control plane).
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MESHLOOM = [str(Path(sys.executable).with_name("meshloom"))]
DEMO = ROOT / "mesh_patterns" / "catalog" / "demo" / "bookinfo.yaml"
ONE = "name: one\nmesh:\n  services:\n    web: {ingress: true}\n"
SPLIT = """name: split
mesh:
  services:
    web: {versions: {v1: , v2: }, ingress: true}
patterns:
  - {pattern: canary, on: web, weights: {v1: %d, v2: %d}}
"""
WITHIN = 20.0  # seconds after which a run is given up


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def until_200(port: int, path: str = "/") -> None:
    deadline = time.perf_counter() + WITHIN
    while time.perf_counter() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.001)
    raise SystemExit(f"no 200 on port {port} within {WITHIN:g} s")


@contextlib.contextmanager
def mesh(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MESHLOOM, "up", *arguments, "--json"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            return dict(event)
    raise SystemExit("the mesh ended before it was ready")


def up(file: Path) -> float:
    """Seconds from the command to the first 200 through the ingress."""
    start = time.perf_counter()
    with mesh(str(file)) as process:
        port = int(ready(process)["ingress"].rpartition(":")[2])
        until_200(port)
        return time.perf_counter() - start


def help_() -> float:
    start = time.perf_counter()
    subprocess.run([*MESHLOOM, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def envoy_path() -> Path:
    from mini_mesh.envoy_binary import find

    return find().path


def static_config(port: int, admin: int, routes: dict[str, Any]) -> dict[str, Any]:
    """One listener that answers by itself; ``routes`` is how its manager gets them."""
    prefix = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{prefix}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{prefix}.http.router.v3.Router"},
            }
        ],
        **routes,
    }
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": address(admin)},
        "static_resources": {
            "listeners": [
                {
                    "address": address(port),
                    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
                }
            ]
        },
    }


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def routes_saying(body: str) -> dict[str, Any]:
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
    }
    return {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]}


@contextlib.contextmanager
def plain_envoy(config: dict[str, Any]) -> Iterator[None]:
    command = [str(envoy_path()), "--config-yaml", json.dumps(config), "--concurrency", "1"]
    process = subprocess.Popen(
        [*command, "--disable-hot-restart", "--log-level", "error"], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def static_envoy() -> float:
    port = free_port()
    config = static_config(port, free_port(), {"route_config": routes_saying("hello")})
    start = time.perf_counter()
    with plain_envoy(config):
        until_200(port)
        return time.perf_counter() - start


def served(port: int, wanted: Callable[[http.client.HTTPResponse], bool]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    deadline = time.perf_counter() + WITHIN
    while time.perf_counter() < deadline:
        connection.request("GET", "/")
        response = connection.getresponse()
        holds = wanted(response)
        response.read()
        if holds:
            return
    raise SystemExit(f"the change was not served within {WITHIN:g} s")


def reload_times(folder: Path, runs: int) -> list[float]:
    """Seconds from the write of a pattern file to the first answer by its new weights."""
    file = folder / "split.yaml"
    file.write_text(SPLIT % (100, 0))
    times = []
    with mesh(str(file)) as process:
        port = int(ready(process)["ingress"].rpartition(":")[2])
        time.sleep(1.0)  # the watch starts right after; see the first line of the next loop
        for i in range(runs):
            version, weights = ("v2", (0, 100)) if i % 2 == 0 else ("v1", (100, 0))
            start = time.perf_counter()
            file.write_text(SPLIT % weights)
            served(port, lambda r, v=version: r.getheader("x-meshloom-version") == v)
            times.append(time.perf_counter() - start)
            time.sleep(0.1)
    return times


def file_xds_times(folder: Path, runs: int) -> list[float]:
    """The same for Envoy's own file-based RDS: written beside and moved into place."""
    file, port = folder / "rds.json", free_port()

    def write(body: str) -> None:
        resource = {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            **routes_saying(body),
        }
        part = folder / "rds.part"
        part.write_text(json.dumps({"version_info": body, "resources": [resource]}))
        os.replace(part, file)

    write("0")
    source = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
    rds = {"rds": {"route_config_name": "r", "config_source": source}}
    times = []
    with plain_envoy(static_config(port, free_port(), rds)):
        until_200(port)
        for i in range(1, runs + 1):
            start = time.perf_counter()
            write(str(i))
            served(port, lambda r, v=str(i): r.peek().startswith(v.encode()))
            times.append(time.perf_counter() - start)
            time.sleep(0.1)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = folder / "one.yaml"
        one.write_text(ONE)
        rows = {
            "meshloom --help": [help_() for _ in range(runs)],
            "one plain Envoy, static config": [static_envoy() for _ in range(runs)],
            "meshloom up, one service (2 Envoys)": [up(one) for _ in range(runs)],
            "meshloom up, the demo (7 Envoys)": [up(DEMO) for _ in range(runs)],
            "Envoy's file-based RDS, write → served": file_xds_times(folder, runs * 2),
            "meshloom, file write → served": reload_times(folder, runs * 2),
        }
    for name, times in rows.items():
        middle, worst = statistics.median(times) * 1000, max(times) * 1000
        print(f"{name:42} p50 {middle:7.1f} ms   max {worst:7.1f} ms   ({len(times)} runs)")


if __name__ == "__main__":
    main()
