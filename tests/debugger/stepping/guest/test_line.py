"""A line of a source: short to read, and known as the filter's own or not."""

from __future__ import annotations

import pytest

from debugger.stepping.guest.line import Line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (Line("a::b", "/home/jo/filter/src/lib.rs", 7, 3), "a::b   filter/src/lib.rs:7"),
        (Line("a", "lib.rs", 0, 0), "a   lib.rs"),  # made by the compiler: DWARF has no line
        (Line("a", "", 7, 0), "a"),
        (Line("", "lib.rs", 7, 0), "lib.rs:7"),
    ],
)
def test_it_reads(line: Line, shown: str) -> None:
    assert str(line) == shown


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/home/jo/filter/src/lib.rs", True),
        ("/home/jo/.cargo/registry/src/index/proxy-wasm-0.2.5/src/hostcalls.rs", False),
        ("/rustc/5980/library/core/src/option.rs", False),
        ("/usr/lib/zig/include/c++/v1/string", False),
        ("", False),
    ],
)
def test_a_library_is_not_the_filters_own(file: str, own: bool) -> None:
    assert Line("f", file, 1, 0).is_own is own
