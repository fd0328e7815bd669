"""What is read from the bytes is what wasmtime makes of them; hostile bytes end in one error."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wasm_filters
from tests.wasm_filters.guests import guest, wat
from tests.wasm_filters.odd_guests import LOADS, REFUSED
from wasm_filters.abi import Signature
from wasm_filters.engine.border import Import
from wasm_filters.engine.compiled import compile_module
from wasm_filters.inspection.interface import Interface, MemoryType, interface
from wasm_filters.inspection.sections import MAGIC, VERSION, SectionsError

FILTERS = sorted((Path(wasm_filters.__file__).parent / "filters").glob("*/*.wasm"))
HEAD = MAGIC + VERSION


@pytest.mark.parametrize(
    "code",
    [
        *(pytest.param(code, id=name) for name, code in LOADS.items()),
        *(pytest.param(file.read_bytes(), id=file.stem) for file in FILTERS),
    ],
)
def test_imports_and_exports_are_those_that_wasmtime_finds(code: bytes) -> None:
    found, compiled = interface(code), compile_module(code)
    assert (found.imports, found.functions, found.memory) == (
        compiled.imports,
        compiled.functions,
        compiled.memory,
    )
    assert list(found.functions) == list(compiled.functions)


def test_a_module_by_hand() -> None:
    """Specification, "Modules", written byte by byte."""
    code = HEAD + bytes.fromhex(
        "01 0a 02 60 02 7f 7e 01 7d 60 00 00"  # types: i32 i64 -> f32, and nothing -> nothing
        "02 16 03"  # imports:
        "01 61 01 66 00 00"  # function a.f of type 0
        "01 61 01 6d 02 01 01 02"  # memory a.m, one page, at most two
        "01 61 01 67 03 7f 01"  # global a.g, a variable i32
        "03 02 01 01"  # one function of type 1
        "07 09 02 01 66 00 01 01 67 00 00"  # exports f, the function, and g, the import
        "08 01 01"  # it starts with function 1
    )
    found = interface(code)
    assert found.imports == (
        Import("a", "f", Signature("iI", "f")),
        Import("a", "m", None, "memory"),
        Import("a", "g", None, "global"),
    )
    assert found.functions == {"f": Signature(), "g": Signature("iI", "f")}
    assert (found.memory, found.memory_type) == (None, MemoryType(1, 2))
    assert found.starts


@pytest.mark.parametrize(
    ("limits", "memory"),
    [
        ("1", MemoryType(1)),
        ("1 2", MemoryType(1, 2)),
        ("1 2 shared", MemoryType(1, 2, shared=True)),
        ("i64 3", MemoryType(3, wide=True)),
        ("65536 (pagesize 1)", MemoryType(65536, page=1)),
    ],
)
def test_a_memory_has_limits(limits: str, memory: MemoryType) -> None:
    found = interface(guest(memory=f'(memory (export "memory") {limits})'))
    assert (found.memory, found.memory_type) == ("memory", memory)


def test_of_several_memories_the_last_exported_counts() -> None:
    memories = '(memory (export "one") 1) (memory (export "two") 2) (memory 3)'
    found = interface(guest(memory=memories))
    assert (found.memory, found.memory_type, len(found.memories)) == ("two", MemoryType(2), 3)


def test_types_that_no_hostcall_knows_are_read_over() -> None:
    code = wat("""(module
        (rec (type $a (struct (field (mut i8)) (field (ref null $b)))) (type $b (array i16)))
        (type $c (sub (func (param v128 externref (ref $a)) (result funcref))))
        (tag (import "m" "t") (param i32))
        (table (import "m" "table") 1 2 (ref null $c))
        (func (export "f") (type $c) unreachable))""")
    found = interface(code)
    assert found.functions == {"f": Signature("???", "?")}
    assert [one.kind for one in found.imports] == ["tag", "table"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("03 02 01 00", "byte 0xb: type 0 is wanted, there are 0"),
        ("07 05 01 01 66 00 00", "byte 0xe: function 0 is wanted, there are 0"),
        ("07 05 01 01 6d 02 00", "byte 0xe: memory 0 is wanted, there are 0"),
        ("08 01 00", "byte 0xa: function 0 is wanted, there are 0"),
        ("01 02 01 55", "byte 0xb: a type of unknown form 0x55"),
        ("01 04 01 60 01 22", "byte 0xd: a value of unknown type 0x22"),
        ("02 06 01 01 61 01 62 09", "byte 0xf: import a.b is of unknown kind 0x9"),
        ("05 02 01 ff", "byte 0xb: limits with unknown flags 0xff"),
        ("01 02 00 00", "byte 0xb: 1 bytes are left at the end of the type section"),
    ],
)
def test_what_is_not_there_is_told_where_it_is_wanted(code: str, told: str) -> None:
    with pytest.raises(SectionsError) as caught:
        interface(HEAD + bytes.fromhex(code))
    assert str(caught.value) == told


@given(st.binary())
def test_any_bytes_are_an_interface_or_a_sections_error(data: bytes) -> None:
    with contextlib.suppress(SectionsError):
        assert isinstance(interface(HEAD + data), Interface)


@given(st.sampled_from(sorted(LOADS | {n: o.code for n, o in REFUSED.items()})), st.data())
def test_a_damaged_module_is_an_interface_or_a_sections_error(
    name: str, data: st.DataObject
) -> None:
    code = bytearray(LOADS[name] if name in LOADS else REFUSED[name].code)
    for _ in range(data.draw(st.integers(1, 4))):
        code[data.draw(st.integers(8, len(code) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SectionsError):
        interface(bytes(code))
