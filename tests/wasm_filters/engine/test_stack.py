"""A guest's stack can be read while it waits for its host, and it goes on as if it had not been."""

from __future__ import annotations

from tests.wasm_filters.guests import wat
from wasm_filters.abi import Signature
from wasm_filters.engine.border import HostFunction
from wasm_filters.engine.compiled import compile_module
from wasm_filters.engine.stack import MAX_FRAMES
from wasm_filters.engine.vm import Vm
from wasm_filters.errors import Frame

ADD = Signature("i", "i")
CODE = wat(
    """(module (import "env" "ask" (func $ask (param i32) (result i32)))
      (func $inner (param i32) (result i32) (call $ask (local.get 0)))
      (func $outer (export "twice") (param i32) (result i32)
        (i32.add (call $inner (local.get 0)) (call $inner (i32.const 30))))
      (func $deep (export "deep") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
          (else (call $inner (i32.const 7))))))"""
)


def stacks_of(export: str, argument: int) -> tuple[int, list[tuple[Frame, ...]]]:
    """What the guest answers, and its stack at each call of its host."""
    found: list[tuple[Frame, ...]] = []

    def ask(value: int) -> int:
        found.append(vm.stack())
        return value

    vm = Vm(compile_module(CODE), [HostFunction("ask", ADD, ask)])
    function = vm.export(export)
    assert function is not None
    return function(argument), found


def test_the_frames_are_those_that_wait_and_their_offsets_are_their_calls() -> None:
    answer, (first, second) = stacks_of("twice", 12)
    assert answer == 42
    assert [frame.function for frame in first] == ["inner", "outer"]
    assert first[0] == second[0]
    assert first[1].offset < second[1].offset
    assert {CODE[frame.offset] for frame in (*first, *second)} == {0x10}  # the opcode "call"


def test_a_deep_stack_is_cut_at_its_outer_end() -> None:
    answer, (stack,) = stacks_of("deep", 1000)
    assert answer == 7
    assert [frame.function for frame in stack] == ["inner", *["deep"] * (MAX_FRAMES - 2)]


def test_nothing_waits_between_two_calls() -> None:
    assert Vm(compile_module(CODE), [HostFunction("ask", ADD, abs)]).stack() == ()
