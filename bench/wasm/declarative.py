"""What a thousand declarative tests of one filter cost, and where the time goes.

    .venv/bin/python bench/wasm/declarative.py [--rounds N] [--tests N]

The tests are of ``header_policy``: three in four pass, with headers and a body each way, one in
four is denied. Each number is the best of the rounds. "bare" is what each test has to do at least:
a fresh VM, started and configured, and the same request through it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.filter import Filter
from wasm_filters.testing import setup
from wasm_filters.testing.cases import Case, cases
from wasm_filters.testing.load import load
from wasm_filters.testing.runner import Runner
from wasm_filters.worker import Worker

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "wasm_filters/filters/header_policy/header_policy.wasm"
HEAD = f"""\
filter: {POLICY}
configuration: {{request: {{set: {{x-mesh: meshloom}}}}, deny: [{{path: /admin}}]}}
tests:
"""
PASSED = """\
  - name: passed {n}
    request: {{path: /p/{n}, headers: {{x-n: {n}, accept: text/plain}}}}
    upstream: {{headers: {{server: up}}, body: number {n}}}
    expect:
      status: 200
      upstream: {{path: /p/{n}, headers: {{x-mesh: meshloom, x-n: {n}}}}}
      response_headers: {{server: up}}
      body: number {n}
"""
DENIED = """\
  - name: denied {n}
    request: /admin/{n}
    expect: {{status: 403, upstream: none, logs: [{{contains: denied /admin/{n}}}]}}
"""


def best(rounds: int, action: Callable[[], object]) -> float:
    """Seconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def bare(case: Case, runner: Runner, tests: int) -> None:
    (path, config), *_ = setup.plugins(case)
    module = runner.modules.of(path)
    answer = Response(200, Headers.of({"server": "up", "content-length": "2"}), Body(b"ok"))
    sent = Request(path="/p", headers=Headers.of({"x-n": "1", "accept": "text/plain"}))
    for _ in range(tests):
        worker = Worker()
        Filter(module, config, worker).handle(sent, lambda request: answer)
        worker.close()


def run(found: list[Case], traced: bool = False) -> None:
    runner = Runner(counted=traced)
    for case in found:
        assert runner.run(case).passed


def process(file: Path) -> None:
    command = [sys.executable, "-m", "meshloom", "wasm", "test", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tests", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.test.yaml"
        tests = ((DENIED if n % 4 == 3 else PASSED).format(n=n) for n in range(options.tests))
        file.write_text(HEAD + "".join(tests))
        found = cases(load(file))
        rows = {
            "reading: from text to checked models": lambda: load(file),
            "running": lambda: run(found),
            "of that: bare": lambda: bare(found[0], Runner(), options.tests),
            "running with coverage": lambda: run(found, traced=True),
            "meshloom wasm test, the whole process": lambda: process(file),
        }
        print(f"{options.tests} tests{'s':>36}")
        for name, action in rows.items():
            print(f"{name:<38}{best(options.rounds, action):>8.2f}")


if __name__ == "__main__":
    main()
