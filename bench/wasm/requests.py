"""What requests through filters cost: our numbers, beside the host of the Go SDK where Go is.

    .venv/bin/python bench/wasm/requests.py [--rounds N] [--million]

``add-header`` is a module in WebAssembly text that adds one header to the request and one to the
response and has all callbacks of an HTTP filter; both hosts send it the same requests. Times of one
process are the best of the rounds. ``--million`` sends 1,000,000 requests through one VM and tells
the process's memory on the way (a minute).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Headers, Request
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.filter import Filter
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.tracing.trace import Trace

ROOT = Path(__file__).parents[2]
FILTERS = ROOT / "wasm_filters/filters"
HEADERS = Headers.of({"user-agent": "curl", "accept": "*/*", "authorization": "Bearer abc"})
REQUEST = Request("GET", "/", "a", headers=HEADERS)
COUNT = 2000
MILLION = 1_000_000

ADD_HEADER = """(module
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "x-mesh")
  (data (i32.const 32) "meshloom")
  (func (export "proxy_abi_version_0_2_1"))
  (func $allocate (param i32) (result i32) (i32.const 1024))
  (export "malloc" (func $allocate))
  (export "proxy_on_memory_allocate" (func $allocate))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func $mark (param $map i32)
    (drop (call $add (local.get $map) (i32.const 16) (i32.const 6) (i32.const 32) (i32.const 8))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $mark (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $mark (i32.const 2)) (i32.const 0))
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))"""


def best(rounds: int, action: Callable[[], object], per: int = 1) -> float:
    """Seconds of one of ``per`` actions, the best of the rounds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) / per)
    return min(times)


def through_none(filter_: Filter) -> Callable[[], None]:
    chain = HttpChain(filter_.worker, [])

    def some() -> None:
        for _ in range(COUNT):
            chain.handle(REQUEST)

    return some


def through(filter_: Filter, traced: bool = False) -> Callable[[], None]:
    def some() -> None:
        for _ in range(COUNT):
            if traced:
                filter_.worker.listen(Trace())
            filter_.handle(REQUEST)

    return some


def peer(wasm: Path, rounds: int) -> float | None:
    """µs of a request in proxytest; None where there is no Go, or no way to its modules."""
    go = shutil.which("go")
    if go is None:
        return None
    command = [go, "run", ".", str(wasm), str(rounds), str(COUNT)]
    done = subprocess.run(
        command, cwd=Path(__file__).parent / "go", capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    return float(done.stdout)


def load_again(rounds: int, wasm: Path) -> float:
    """Milliseconds from the bytes of a module to a Module, its machine code in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        cache = CompiledCache(Path(folder))
        code = wasm.read_bytes()
        Module.of(code, cache=cache)
        return best(rounds, lambda: Module.of(code, cache=cache)) * 1000


def whole_process(rounds: int, wasm: Path) -> float:
    """Seconds of ``meshloom wasm run``, its machine code in the cache."""
    command = [sys.executable, "-m", "meshloom", "wasm", "run", str(wasm)]

    def run() -> None:
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    run()
    return best(rounds, run)


def resident() -> int:
    """This process's memory, in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 10


def million(filter_: Filter) -> None:
    print("\nrequests through one VM, and the process's memory in KiB")
    handle = filter_.handle
    for sent in range(MILLION + 1):
        if sent % (MILLION // 5) == 0 or sent == MILLION // 100:
            print(f"{sent:>12,} {resident():>10,}")
        handle(REQUEST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
    code = bytes(wasmtime.wat2wasm(ADD_HEADER))
    filter_ = Filter(Module.of(code))
    none = best(rounds, through_none(filter_), COUNT) * 1e6
    plain = best(rounds, through(filter_), COUNT) * 1e6
    traced = best(rounds, through(filter_, traced=True), COUNT) * 1e6
    filter_.worker.listen(None)
    with tempfile.TemporaryDirectory() as folder:
        wasm = Path(folder) / "add_header.wasm"
        wasm.write_bytes(code)
        theirs = peer(wasm, rounds)
    rust = FILTERS / "async_auth/async_auth.wasm"
    policy = FILTERS / "header_policy/header_policy.wasm"
    size = rust.stat().st_size >> 10
    beside = "no Go here" if theirs is None else f"proxytest (wazero): {theirs:.1f}"
    print(f"{'request through a chain without filters, µs':<56}{none:8.1f}")
    print(f"{'request through add-header, 6 callbacks, µs':<56}{plain:8.1f}   {beside}")
    print(f"{'the same with a trace, µs':<56}{traced:8.1f}   {traced / plain:.1f}x")
    label = f"a Rust module of {size} KiB again, ms"
    print(f"{label:<56}{load_again(rounds, rust):8.1f}")
    print(f"{'meshloom wasm run, the whole process, s':<56}{whole_process(3, policy):8.2f}")
    if options.million:
        million(filter_)


if __name__ == "__main__":
    main()
