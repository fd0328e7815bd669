"""Modules with a great many of something: they load, or one message says why not."""

from __future__ import annotations

import pytest

from mesh_traffic import Request
from tests.wasm_filters.guests import guest, on_request_headers
from wasm_filters.errors import ModuleError
from wasm_filters.filter import Filter
from wasm_filters.module import MAX_MESSAGE, Module


def varuint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def section(kind: int, items: list[bytes]) -> bytes:
    body = varuint(len(items)) + b"".join(items)
    return bytes([kind]) + varuint(len(body)) + body


def text(name: bytes) -> bytes:
    return varuint(len(name)) + name


def large(functions: int = 1, exports: int = 0, locals_: int = 0, body: bytes = b"") -> bytes:
    """A module with ``malloc`` and ``functions`` more, each exported and filled as asked for."""
    variables = b"\x01" + varuint(locals_) + b"\x7f" if locals_ else b"\x00"
    code = variables + body + b"\x0b"
    malloc = b"\x00\x41\x80\x08\x0b"
    named = [b"memory", b"proxy_abi_version_0_2_1", b"malloc"]
    places = [b"\x02\x00", b"\x00\x01", b"\x00\x00"]
    named += [b"export %d" % at for at in range(exports)]
    places += [b"\x00" + varuint(1 + at % functions) for at in range(exports)]
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, [b"\x60\x00\x00", b"\x60\x01\x7f\x01\x7f"]),
            section(3, [b"\x01", *[b"\x00"] * functions]),
            section(5, [b"\x00\x01"]),
            section(7, [text(n) + p for n, p in zip(named, places, strict=True)]),
            section(10, [text(malloc), *[text(code)] * functions]),
        )
    )


def serves(code: bytes) -> None:
    assert Filter(Module.of(code)).handle(Request()).status == 200


def test_a_module_with_many_functions() -> None:
    serves(large(functions=5000))


def test_a_module_with_many_exports() -> None:
    serves(large(exports=2000))


def test_a_module_with_many_locals() -> None:
    serves(large(functions=5, locals_=49_000))


def test_a_module_with_one_long_function() -> None:
    serves(large(body=b"\x41\x00\x1a" * 100_000))


def test_a_module_with_deep_blocks() -> None:
    serves(large(body=b"\x02\x40" * 5000 + b"\x0b" * 5000))


def test_a_module_that_wants_many_unknown_imports_gets_a_short_message() -> None:
    imports = "".join(f'(import "env" "missing_{at}" (func))' for at in range(1000))
    with pytest.raises(ModuleError, match=r"module: imports env\.missing_0, env") as caught:
        Module.of(guest(imports=imports))
    assert len(str(caught.value)) == MAX_MESSAGE


def test_a_function_with_a_long_name_is_cut_in_the_backtrace() -> None:
    name = "f" * 5000
    code = guest(f"(func ${name} unreachable)", on_request_headers(f"(call ${name})"))
    failure = Filter(Module.of(code)).handle(Request()).failure
    assert failure is not None
    assert failure.frames[0].function == "f" * 200
