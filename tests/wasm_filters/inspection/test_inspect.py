"""A report says what a module is, and of what is no module only why."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wasm_filters.guests import guest, on_request_headers, wat
from tests.wasm_filters.odd_guests import LOADS, PLAIN, REFUSED
from wasm_filters.abi import CALLBACKS, AbiVersion, Signature
from wasm_filters.errors import ModuleError
from wasm_filters.inspection.inspect import GROUPS, Callback, Report, inspect
from wasm_filters.inspection.interface import MemoryType


def test_a_report_of_a_filter() -> None:
    imports = """(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))"""
    initialize = '(func (export "_initialize"))'
    code = guest(initialize, on_request_headers(""), imports=imports)
    report = inspect(code)
    assert (report.size, report.sha256) == (len(code), hashlib.sha256(code).hexdigest())
    assert report.version is AbiVersion.V0_2_1
    assert report.callbacks == {
        "start": (
            Callback("_initialize", Signature(), Signature()),
            Callback("malloc", Signature("i", "i"), Signature("i", "i")),
        ),
        "HTTP": (
            Callback("proxy_on_request_headers", Signature("iii", "i"), Signature("iii", "i")),
        ),
    }
    assert [(str(one.wanted), one.note) for one in report.imports] == [
        ("env.proxy_log", ""),
        ("wasi_snapshot_preview1.fd_read", "always answers NOSYS (52)"),
    ]
    assert (report.memory, report.memory_type) == ("memory", MemoryType(1))
    assert (report.names, report.starts, report.proposals) == (2, False, ())
    assert [name for name, _ in report.custom] == ["name"]
    assert (report.problems, report.notes) == ((), ())  # fmt: skip


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("import_of_nobody", "of no host that is known here"),
        ("import_of_higress", "Higress's own"),
        ("import_of_another_abi", "not in ABI 0.2.0"),
        ("import_of_another_type", "as i32 -> i32, expected i32 i32 i32 -> i32"),
        ("import_of_a_memory", "a memory"),
    ],
)
def test_an_import_that_is_not_as_one_expects_has_a_note(name: str, note: str) -> None:
    assert [one.note for one in inspect(REFUSED[name].code).imports] == [note]


def test_every_callback_of_every_abi_has_its_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted({name for wanted in CALLBACKS.values() for name in wanted})


def test_an_import_that_comes_twice_is_told_once() -> None:
    twice = '(import "env" "proxy_done" (func (result i32)))' * 2
    assert len(inspect(guest(imports=twice)).imports) == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (b"", "f.wasm: not a wasm module: starts with an empty file"),
        (b"#!/bin/sh", "f.wasm: not a wasm module: starts with b'#!/b'"),
        (wat("(component)"), "f.wasm: a wasm component, expected a core module"),
        (PLAIN[:-3], "f.wasm: not a valid wasm module: byte 0x"),
        (PLAIN + b"\0", "f.wasm: not a valid wasm module: byte 0x"),
    ],
)
def test_what_is_no_module_is_an_error(code: bytes, told: str) -> None:
    with pytest.raises(ModuleError) as caught:
        inspect(code, "f.wasm")
    assert str(caught.value).startswith(told)


@given(st.sampled_from([*LOADS.values(), *(odd.code for odd in REFUSED.values())]), st.data())
def test_a_damaged_module_is_a_report_or_an_error(whole: bytes, data: st.DataObject) -> None:
    code = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        code[data.draw(st.integers(8, len(code) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModuleError):
        assert isinstance(inspect(bytes(code)), Report)
