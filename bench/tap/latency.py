"""How long after its response a request's line is there, of a real ``meshloom tap``.

    .venv/bin/python bench/tap/latency.py [--rate 500] [--seconds 20] [--rounds 1]

A client asks ``rate`` times a second, through the ingress of a real ``meshloom up`` that stores
what it sees. From the moment at which the client has a response whole, until the last byte of its
line has come out: of the table on a terminal (a pty), and of ``--json`` in a pipe, whose exchanges
have headers and are joined of both sources. Nothing is pinned to a core. Each request has two
lines, of two Envoys; ``first`` and ``last`` are those of each request.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.mesh import HOPS, Mesh, mesh, tap
from bench.tap.rig import BYTES, built, cpu_seconds
from tap.join import WAIT

CONNECTIONS = 32
NUMBER = re.compile(rb"/r/([0-9]+)\b")
PATIENCE = WAIT + 1  # seconds without a line after which no more will come


class Screen(threading.Thread):
    """Reads what a view writes; ``seen`` has when each request's lines were whole."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[int, list[float]] = defaultdict(list)
        self.lines = 0
        self._number = number

    def run(self) -> None:
        rest = b""
        while data := self._read():
            now = time.time()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if found := NUMBER.search(line):
                    self.seen[int(found[1])].append(now)
                    self.lines += 1

    def _read(self) -> bytes:
        try:
            return os.read(self._number, 1 << 16)
        except OSError:  # EIO: nobody has the terminal's other side open any more
            return b""


def measure(running: Mesh, program: Path, rate: int, seconds: int, *options: str) -> list[str]:
    terminal = not options
    ours, theirs = pty.openpty() if terminal else os.pipe()
    screen = Screen(ours)
    with tap(running.folder, theirs, *options) as watching:
        os.close(theirs)
        screen.start()
        warm_up(running, program, screen)
        before = cpu_seconds(running.pid), cpu_seconds(watching.pid)
        answered = paced(running, program, rate, seconds)
        settle(screen)
        hub, view = cpu_seconds(running.pid) - before[0], cpu_seconds(watching.pid) - before[1]
    used = f"of a core: hub {hub / seconds:.0%}, view {view / seconds:.0%}"
    return [*told(answered, screen.seen), used]


def paced(running: Mesh, program: Path, rate: int, seconds: int) -> dict[int, float]:
    """When each request was answered, in seconds since 1970."""
    numbers = map(str, (running.port, CONNECTIONS, seconds, BYTES, rate))
    out = subprocess.run([program, "pace", *numbers], capture_output=True, check=True).stdout
    rows = (line.split() for line in out.splitlines())
    return {int(number): int(at) / 1e6 for number, at, _ in rows}


def warm_up(running: Mesh, program: Path, screen: Screen) -> None:
    """Until the view shows what crosses the mesh, and all of it."""
    end = time.monotonic() + 20
    while not screen.lines and time.monotonic() < end:
        paced(running, program, 100, 1)
    settle(screen)
    screen.seen.clear()


def settle(screen: Screen) -> None:
    before = -1
    while before != screen.lines:
        before = screen.lines
        time.sleep(PATIENCE)


def told(answered: dict[int, float], seen: dict[int, list[float]]) -> list[str]:
    whole = [(at, sorted(seen[one])) for one, at in answered.items() if len(seen[one]) == HOPS]
    first = [1000 * (lines[0] - at) for at, lines in whole]
    last = [1000 * (lines[-1] - at) for at, lines in whole]
    lines = sum(map(len, seen.values()))
    return [percentiles(first), percentiles(last), f"{lines:,} of {HOPS * len(answered):,}"]


def percentiles(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return " / ".join(f"{ordered[int(len(ordered) * at)]:.0f}" for at in (0.5, 0.99)) + " ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = built(folder)
        with mesh(folder, program) as running:
            for _ in range(options.rounds):
                for view, flags in (("table", ()), ("--json", ("--json",))):
                    first, last, lines, used = measure(
                        running, program, options.rate, options.seconds, *flags
                    )
                    print(
                        f"{view:<8}p50 / p99: first {first:<14} last {last:<14}"
                        f"lines {lines}   {used}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
