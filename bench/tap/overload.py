"""A minute of as many requests as this machine gives: what is lost, what is counted, and memory.

    .venv/bin/python bench/tap/overload.py [--seconds 60] [--connections 32]

A real ``meshloom up`` that stores what it sees. One viewer, with bodies, connects and never reads;
a ``meshloom tap`` reads everything. At the end the first one reads what waits for it, too, and all
is added up: what was asked against what was seen and what is said to be lost, what was shown, and
what the store holds. The exit code is 1 if anything is missing in these sums.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.mesh import HOPS, Mesh, mesh, tap
from bench.tap.rig import BYTES, built
from tap.store import Reader
from tap.store.reader import Holds

EVERY = 5.0  # seconds between looks at memory
QUIET = 5.0  # seconds without anything new after which nothing more will come


class Silent:
    """Connects, asks for everything with bodies, and does not read until it is told to."""

    def __init__(self, path: Path) -> None:
        self.came = self.whole = 0  # exchanges, and those of them with bodies
        self.coverage: dict[str, Any] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b'{"bodies": true}\n')

    def read_the_rest(self) -> None:
        """What waits for it, and the last coverage."""
        reading = threading.Thread(target=self._read)
        reading.start()
        settled(lambda: self.came)
        self._socket.shutdown(socket.SHUT_WR)
        reading.join()

    def _read(self) -> None:
        with self._socket, self._socket.makefile("rb") as lines:
            for line in lines:
                event = json.loads(line)
                if event["event"] == "coverage":
                    self.coverage = event
                    continue
                self.came += 1
                self.whole += bool(event["request"]["body"].get("text"))


class Reading(threading.Thread):
    """Counts the lines of a ``meshloom tap --json``."""

    def __init__(self, view: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.lines = 0
        self._view = view

    def run(self) -> None:
        assert self._view.stdout is not None
        for _ in self._view.stdout:
            self.lines += 1


def memory(pid: int) -> float:
    """MiB that a process has in memory."""
    told = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", told)
    return int(found[1]) / 1024 if found else 0.0


def envoys(running: Mesh) -> list[int]:
    state = json.loads(running.tap_socket.with_name("mesh.json").read_text())
    return [one["pid"] for one in state["envoys"].values()]


def look(running: Mesh, started: float) -> None:
    proxies = "  ".join(f"{memory(pid):5.0f}" for pid in envoys(running))
    now = time.monotonic() - started
    print(f"{now:5.0f} s   meshloom up {memory(running.pid):6.0f} MiB   Envoys {proxies} MiB")
    sys.stdout.flush()


def loaded(running: Mesh, program: Path, seconds: int, connections: int) -> dict[str, float]:
    """What the load saw; memory is printed on the way."""
    numbers = map(str, (running.port, connections, seconds, BYTES))
    started = time.monotonic()
    look(running, started)
    with subprocess.Popen([program, "load", *numbers], stdout=subprocess.PIPE) as load:
        while load.poll() is None:
            time.sleep(EVERY)
            look(running, started)
        assert load.stdout is not None
        told: dict[str, float] = json.loads(load.stdout.read())
    return told


def settled(count: Callable[[], int]) -> float:
    """Wait until nothing more comes; how many seconds that took."""
    started = last = time.monotonic()
    before = count()
    while time.monotonic() < last + QUIET:
        time.sleep(0.2)
        if (now := count()) != before:
            before, last = now, time.monotonic()
    return last - started


def coverage(line: str) -> dict[str, int]:
    """The numbers of a view's last line, by the word that follows them."""
    found = re.findall(r"([0-9,]+) (seen|shown|lost|without|left)", line)
    words = {word: int(number.replace(",", "")) for number, word in found}
    return {"without": 0, "left": 0, **words}


def stored(path: Path) -> tuple[Holds, int, Counter[str]]:
    """What the store holds, how many different ones that are, and by which sources."""
    with Reader(path) as reader:
        sources: Counter[str] = Counter()
        different = set()
        for each in reader.query(bodies=False):
            sources[" and ".join(each.sources)] += 1
            different.add((each.node, each.request_id))
        return reader.holds(), len(different), sources


def report(asked: int, view: dict[str, int], silent: Silent, store: Path) -> bool:
    """A line for each sum; whether all that was asked is accounted for."""
    holds, different, sources = stored(store)
    told = ", ".join(f"{count:,} by {name}" for name, count in sources.most_common())
    counted = view["lost"] + view["left"] + holds.removed + holds.not_stored
    last = silent.coverage
    own = last["seen"] - silent.came
    print(f"asked, at {HOPS} Envoys       {asked:,}")
    print(f"stored                   {holds.exchanges:,}: {told}")
    print(f"  different ones         {different:,}")
    print(f"  could not be           {holds.not_stored:,}, too old or too many {holds.removed:,}")
    print(f"the view: seen           {view['seen']:,}, shown {view['shown']:,}")
    print(f"  reduced                {view['without']:,}")
    print(f"  lost, left out         {view['lost']:,}, {view['left']:,}")
    print(f"in no count              {max(0, asked - different - counted):,}")
    print(f"who did not read: seen   {last['seen']:,}, got {silent.came:,} when it read at last")
    print(f"  of that with bodies    {silent.whole:,}")
    print(f"  lost, as it was told   {last['lost']:,}; by its queue {own:,}")
    return asked <= different + counted and own <= last["lost"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = built(folder)
        with mesh(folder, program) as running:
            silent = Silent(running.tap_socket)
            with tap(folder, subprocess.PIPE, "--json", stderr=subprocess.PIPE) as view:
                reading = Reading(view)
                reading.start()
                time.sleep(3)
                told = loaded(running, program, options.seconds, options.connections)
                print(f"{told['rate']:,.0f} requests/s, p99 {told['p99_ms']:.0f} ms")
                print(f"all of it was shown {settled(lambda: reading.lines):.0f} s later")
                look(running, time.monotonic())
                view.send_signal(signal.SIGINT)
                assert view.stderr is not None
                last = view.stderr.read().decode().splitlines()[-1]
            silent.read_the_rest()
            asked = HOPS * int(told["requests"])
            (store,) = folder.glob("state/meshloom/taps/*.tap")
            sys.exit(0 if report(asked, coverage(last), silent, store) else 1)


if __name__ == "__main__":
    main()
