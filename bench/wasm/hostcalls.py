"""What a hostcall, a callback and a whole request cost, next to plain ``wasmtime.Func``.

    .venv/bin/python bench/wasm/hostcalls.py [--rounds N]

Both paths run the same module on the same machine in the same process, in turns; each number is
the best of the rounds, in µs. The loop over hostcalls runs inside of the guest.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Headers, Request
from wasm_filters.abi import Signature
from wasm_filters.engine.border import HostFunction, Limits
from wasm_filters.engine.compiled import compile_module
from wasm_filters.engine.vm import Vm
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

LOOPS = 20_000
PATIENT = Limits(deadline=60, hostcalls=10**9)
POLICY = Path(__file__).parents[2] / "wasm_filters/filters/header_policy/header_policy.wasm"
HEADERS = Headers.of({"user-agent": "curl", "accept": "*/*", "authorization": "Bearer abc"})

LOOP = """
  (func (export "loop") (param $n i32) (local $i i32)
    (loop $next
      (drop (call $get (i32.const 0) (i32.const 16) (i32.const 13) (i32.const 0) (i32.const 4)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n)))))"""
MODULE = f"""(module
  (import "env" "proxy_get_header_map_value"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "authorization")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $run (i32.const {LOOPS})) (i32.const 0))
  {LOOP.replace("(func (export", "(func $run (export")})"""


def best(rounds: int, action: Callable[[], object], per: int) -> float:
    """The best time of one of ``per`` calls in ``action``, in µs."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) / per * 1e6)
    return min(times)


class Plain:
    """The same module with wasmtime-py's own Func, Memory and Store."""

    def __init__(self, function: Callable[..., int]) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        module = wasmtime.Module(engine, wasmtime.wat2wasm(MODULE))
        i32 = wasmtime.ValType.i32
        kind = wasmtime.FuncType([i32()] * 5, [i32()])
        imported = wasmtime.Func(self.store, kind, function)
        exports = wasmtime.Instance(self.store, module, [imported]).exports(self.store)
        self.loop, self.malloc = exports["loop"], exports["malloc"]
        self.memory = exports["memory"]

    def value(self, kind: int, key: int, size: int, at: int, size_at: int) -> int:
        """The work of proxy_get_header_map_value, as one would write it with this API."""
        name = bytes(self.memory.read(self.store, key, key + size))
        value = FIELDS[name]
        address = self.malloc(self.store, len(value))
        self.memory.write(self.store, value, address)
        self.memory.write(self.store, struct.pack("<I", address), at)
        self.memory.write(self.store, struct.pack("<I", len(value)), size_at)
        return 0


FIELDS = {name.encode(): value.encode() for name, value in HEADERS}


def empty(rounds: int) -> tuple[float, float]:
    def nothing(a: int, b: int, c: int, d: int, e: int) -> int:
        return 0

    compiled = compile_module(bytes(wasmtime.wat2wasm(MODULE)))
    imports = [HostFunction("get", Signature("iiiii", "i"), nothing)]
    loop = Vm(compiled, imports, PATIENT).export("loop")
    plain = Plain(nothing)
    assert loop is not None
    ours = best(rounds, lambda: loop(LOOPS), LOOPS)
    return ours, best(rounds, lambda: plain.loop(plain.store, LOOPS), LOOPS)


def callback(rounds: int) -> tuple[float, float]:
    compiled = compile_module(bytes(wasmtime.wat2wasm(MODULE)))
    imports = [HostFunction("get", Signature("iiiii", "i"), lambda *a: 0)]
    malloc = Vm(compiled, imports, PATIENT).export("malloc")
    plain = Plain(lambda *a: 0)
    assert malloc is not None

    def ours() -> None:
        for _ in range(LOOPS):
            malloc(24)

    def theirs() -> None:
        for _ in range(LOOPS):
            plain.malloc(plain.store, 24)

    return best(rounds, ours, LOOPS), best(rounds, theirs, LOOPS)


def header_value(rounds: int) -> tuple[float, float]:
    module = Module.of(bytes(wasmtime.wat2wasm(MODULE)))
    filter_ = Filter(module, worker=Worker(limits=PATIENT))
    request = Request(headers=HEADERS)
    ours = best(rounds, lambda: filter_.handle(request), LOOPS)
    holder: list[Plain] = []
    plain = Plain(lambda *a: holder[0].value(*a))
    holder.append(plain)
    return ours, best(rounds, lambda: plain.loop(plain.store, LOOPS), LOOPS)


def whole_request(rounds: int, traced: bool) -> float:
    policy = {"request": {"set": {"x-mesh": "1"}}, "response": {"set": {"x-filter": "1"}}}
    filter_ = Filter.load(POLICY, json.dumps(policy).encode())
    request = Request(headers=HEADERS)

    def some() -> None:
        for _ in range(1000):
            if traced:
                filter_.worker.listen(Trace())
            filter_.handle(request)

    return best(rounds, some, 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'µs per':<44}{'ours':>8}{'wasmtime.Func':>15}{'ratio':>8}")
    for name, measure in (
        ("hostcall, 5 arguments, nothing done", empty),
        ("call into the guest, 1 argument", callback),
        ("proxy_get_header_map_value, all work", header_value),
    ):
        ours, theirs = measure(rounds)
        print(f"{name:<44}{ours:>8.2f}{theirs:>15.2f}{theirs / ours:>7.1f}x")
    plain, traced = whole_request(rounds, False), whole_request(rounds, True)
    print(f"{'request through header_policy':<44}{plain:>8.2f}")
    print(f"{'the same with a trace':<44}{traced:>8.2f}{'':>15}{traced / plain:>7.1f}x")


if __name__ == "__main__":
    main()
