"""What the benches of a whole mesh share: a real ``meshloom up``, and a ``meshloom tap`` on it.

The mesh is one service behind an ingress, so each request passes two Envoys: two exchanges. Its
program is the upstream in Go (``rig``). Both commands keep their files in a folder of their own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.tap.rig import BYTES

ROOT = Path(__file__).parents[2]
MESHLOOM = (sys.executable, "-m", "meshloom")
HOPS = 2  # Envoys that each request passes
PATTERN = """name: bench
mesh:
  services:
    web: {run: "exec %s serve $PORT %d", ingress: true}
"""


@dataclass(frozen=True)
class Mesh:
    """A mesh that is up: the process of ``meshloom up``, and where its ingress listens."""

    folder: Path
    pid: int
    port: int

    @property
    def tap_socket(self) -> Path:
        return self.folder / "run" / f"meshloom-{os.getuid()}" / str(self.pid) / "tap.sock"


def environment(folder: Path) -> dict[str, str]:
    own = {"XDG_RUNTIME_DIR": str(folder / "run"), "XDG_STATE_HOME": str(folder / "state")}
    return {**os.environ, **own}


@contextmanager
def mesh(folder: Path, program: Path, *options: str) -> Iterator[Mesh]:
    """A mesh whose service is ``program``, while inside."""
    (folder / "run").mkdir(exist_ok=True)
    file = folder / "mesh.yaml"
    file.write_text(PATTERN % (program, BYTES))
    command = [*MESHLOOM, "up", str(file), "--json", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=pipe) as up:
        try:
            assert up.stdout is not None
            events = (json.loads(line) for line in up.stdout)
            ready = next((one for one in events if one["event"] == "ready"), None)
            if ready is None:
                sys.exit("the mesh ended before it was ready")
            running = Mesh(folder, up.pid, int(ready["ingress"].rpartition(":")[2]))
            while not running.tap_socket.exists():  # the mesh is there a moment before its tap
                time.sleep(0.02)
            yield running
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=60)  # what waits for the store is written first


@contextmanager
def tap(
    folder: Path, stdout: int, *options: str, stderr: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A ``meshloom tap`` that writes to ``stdout``, while inside."""
    command = [*MESHLOOM, "tap", *options]
    watching = subprocess.Popen(
        command, cwd=ROOT, env=environment(folder), stdout=stdout, stderr=stderr
    )
    with watching:
        try:
            yield watching
        finally:
            if watching.poll() is None:
                watching.send_signal(signal.SIGINT)
            watching.wait(20)
