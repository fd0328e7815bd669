"""Where exported functions begin: at their bodies, whatever is imported before them."""

from __future__ import annotations

from debugger.stepping.guest.functions import exported_functions
from tests.wasm_filters.guests import wat

CODE = wat(
    """(module (import "env" "f" (func)) (import "env" "m" (memory 1))
      (func (export "again") (export "one") i32.const 7 drop)
      (func (export "two") i32.const 8 drop) (global (export "g") i32 (i32.const 0)))"""
)


def test_each_export_begins_at_its_body() -> None:
    found = exported_functions(CODE)
    assert set(found) == {"again", "one", "two"}
    assert CODE[found["one"] :][:3] == b"\0\x41\7"  # no locals, i32.const 7
    assert CODE[found["two"] :][:3] == b"\0\x41\10"
    assert found["again"] == found["one"]


def test_of_what_can_not_be_read_nothing_is_known() -> None:
    assert exported_functions(CODE[:-20]) == {}
    assert exported_functions(wat("(module)")) == {}
