"""The raw calling convention: numbers, traps and exceptions on their way through C."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from tests.wasm_filters.guests import wat
from wasm_filters.abi import Signature
from wasm_filters.engine.border import HostFunction
from wasm_filters.engine.compiled import Compiled, compile_module
from wasm_filters.engine.stack import MAX_FRAMES
from wasm_filters.engine.vm import Vm
from wasm_filters.errors import BadPointer, ModuleError

ROOT = Path(__file__).parents[3]
CALLS = wat("""(module
  (import "env" "many" (func $many (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (result i32)))
  (import "env" "long" (func $long (param i32 i64) (result i32)))
  (import "env" "none" (func $none))
  (memory (export "memory") 1 3)
  (func (export "call_many") (result i32) (call $many (i32.const 1) (i32.const 2) (i32.const 3)
    (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9)
    (i32.const 10) (i32.const 11) (i32.const -1)))
  (func (export "call_long") (param i32) (result i32)
    (call $long (local.get 0) (i64.const -9223372036854775808)))
  (func (export "call_none") (call $none))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func $deep (export "deep") (call $deep))
)""")


class Host:
    """Answers ``answer`` to each import and keeps what it was called with."""

    def __init__(self, answer: int = 0, error: BaseException | None = None) -> None:
        self.calls: list[tuple[int, ...]] = []
        self.answer = answer
        self.error = error

    def __call__(self, *arguments: int) -> int:
        self.calls.append(arguments)
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_module(CALLS)


def start(compiled: Compiled, host: Host) -> Vm:
    signatures = {i.name: i.signature for i in compiled.imports}
    imports = [
        HostFunction(name, signature, host, on_bad_pointer=6)
        for name, signature in signatures.items()
        if signature is not None
    ]
    return Vm(compiled, imports)


def call(vm: Vm, name: str, *arguments: int) -> int:
    export = vm.export(name)
    assert export is not None
    return export(*arguments)


def test_imports_and_exports_are_described(compiled: Compiled) -> None:
    assert [str(wanted) for wanted in compiled.imports] == ["env.many", "env.long", "env.none"]
    assert compiled.imports[1].signature == Signature("iI", "i")
    assert str(compiled.functions["add"]) == "i32 i32 -> i32"
    assert str(compiled.functions["call_none"]) == "void -> void"
    assert compiled.memory == "memory"


def test_twelve_arguments_arrive_unsigned(compiled: Compiled) -> None:
    host = Host(answer=0xFFFFFFFF)
    assert call(start(compiled, host), "call_many") == 0xFFFFFFFF
    assert host.calls == [(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFFFFFFFF)]


def test_a_long_arrives_signed(compiled: Compiled) -> None:
    host = Host()
    call(start(compiled, host), "call_long", 0xFFFFFFFE)
    assert host.calls == [(0xFFFFFFFE, -(2**63))]


def test_a_function_without_answer_writes_none(compiled: Compiled) -> None:
    host = Host(answer=7)
    call(start(compiled, host), "call_none")
    assert host.calls == [()]


def test_the_guest_is_called_with_unsigned_numbers(compiled: Compiled) -> None:
    assert call(start(compiled, Host()), "add", 0xFFFFFFFF, 2) == 1


def test_an_exception_of_the_host_comes_out_as_itself(compiled: Compiled) -> None:
    error = KeyboardInterrupt()
    vm = start(compiled, Host(error=error))
    with pytest.raises(KeyboardInterrupt) as caught:
        call(vm, "call_none")
    assert caught.value is error
    assert call(vm, "add", 1, 2) == 3


def test_a_bad_pointer_is_an_answer(compiled: Compiled) -> None:
    assert call(start(compiled, Host(error=BadPointer("out"))), "call_many") == 6


def test_calls_are_counted(compiled: Compiled) -> None:
    vm = start(compiled, Host())
    call(vm, "call_many")
    call(vm, "call_none")
    assert vm.hostcalls == 2


def test_what_is_behind_an_import_can_be_changed(compiled: Compiled) -> None:
    vm, other = start(compiled, Host(1)), Host(2)
    vm.functions[0] = other
    assert call(vm, "call_many") == 2


def test_memory_that_grows_does_not_move(compiled: Compiled) -> None:
    vm = start(compiled, Host())
    before = vm.window()
    before[5] = 42
    assert call(vm, "grow") == 1
    after = vm.window()
    assert (len(before), len(after)) == (65536, 131072)
    after[5] = 43
    assert before[5] == 43


def test_a_backtrace_has_an_end(compiled: Compiled) -> None:
    from wasm_filters.errors import GuestTrapped

    with pytest.raises(GuestTrapped) as caught:
        call(start(compiled, Host()), "deep")
    assert len(caught.value.frames) == MAX_FRAMES
    assert caught.value.backtrace.splitlines()[1].endswith(" deep")


def test_what_is_not_exported_is_none(compiled: Compiled) -> None:
    assert start(compiled, Host()).export("nothing") is None


def test_invalid_code_is_named() -> None:
    with pytest.raises(ModuleError, match="not a valid wasm module: "):
        compile_module(b"\0asm\x01\0\0\0\x01")


def test_a_vm_that_nobody_holds_goes(compiled: Compiled) -> None:
    """With its callbacks and its memory: a test suite makes thousands."""
    vm = start(compiled, Host())
    call(vm, "call_many")
    gone = weakref.ref(vm)
    del vm
    gc.collect()
    assert gone() is None


def test_a_forked_process_still_ends_an_endless_loop() -> None:
    """The thread that moves the epoch does not survive a fork; a new one takes its place."""
    script = """if True:
        import os, sys
        from tests.wasm_filters.guests import guest
        from wasm_filters.engine.border import Limits
        from wasm_filters.errors import DeadlineExceeded
        from wasm_filters.engine.compiled import compile_module
        from wasm_filters.engine.vm import Vm
        code = guest('(func (export "spin") (loop $l (br $l)))')
        spin = Vm(compile_module(code), [], Limits(deadline=0.1)).export("spin")
        child = os.fork()
        if child == 0:
            try:
                spin()
            except DeadlineExceeded:
                os._exit(7)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=20, check=False)
    assert done.returncode == 7, done.stderr


def test_a_trap_is_no_signal_that_somebody_else_could_take() -> None:
    """faulthandler takes SIGILL and SIGSEGV for itself whenever it is switched on."""
    script = """if True:
        import faulthandler, sys
        from tests.wasm_filters.guests import guest
        from wasm_filters.engine.compiled import compile_module
        from wasm_filters.engine.vm import Vm
        from wasm_filters.errors import GuestTrapped
        parts = ['(func (export "stop") unreachable)',
                 '(func (export "far") (drop (i32.load (i32.const 0xfffffff0))))']
        compiled = compile_module(guest(*parts))
        Vm(compiled, [])
        faulthandler.enable()
        for name in ("stop", "far"):
            try:
                Vm(compiled, []).export(name)()
            except GuestTrapped:
                continue
            sys.exit(1)
    """
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
