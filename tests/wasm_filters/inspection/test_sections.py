"""Sections against bytes written by hand from the specification; hostile bytes end in one error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wasm_filters.guests import guest
from wasm_filters.inspection.sections import (
    MAGIC,
    VERSION,
    Reader,
    Section,
    SectionsError,
    function_names,
    producers,
    sections,
)

HEAD = MAGIC + VERSION


def custom(content: bytes, name: str = "name") -> tuple[bytes, Section]:
    return content, Section(0, name, 0, len(content))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("00", 0),
        ("7f", 127),
        ("8001", 128),
        ("e58e26", 624485),  # the example of the DWARF standard, section 7.6
        ("ffffffff0f", 2**32 - 1),
        ("8080808000", 0),  # longer than it need be, as linkers write it
    ],
)
def test_an_unsigned_number_is_leb128(code: str, value: int) -> None:
    reader = Reader(bytes.fromhex(code) + b"!")
    assert (reader.number(), reader.left) == (value, 1)


@pytest.mark.parametrize("code", ["ffffffff10", "808080808000", "ffffffff8f00"])
def test_a_number_that_does_not_fit_is_refused(code: str) -> None:
    with pytest.raises(SectionsError, match="byte 0x0: a number is too long for 32 bits"):
        Reader(bytes.fromhex(code)).number()


def test_a_number_of_64_bits_has_up_to_ten_bytes() -> None:
    assert Reader(b"\xff" * 9 + b"\x01").number(64) == 2**64 - 1
    with pytest.raises(SectionsError, match="too long for 64 bits"):
        Reader(b"\xff" * 9 + b"\x02").number(64)


def test_sections_are_told_apart() -> None:
    """Specification, "Modules": an id, a size, and what is in it; a custom one begins with a
    name."""
    code = HEAD + bytes.fromhex(
        "01 04 01 60 00 00"  # type section: one type, a function without values
        "00 06 03 616263 2a2b"  # custom section "abc" with two bytes
        "03 02 01 00"  # function section: one function of type 0
    )
    found = list(sections(code))
    assert [(one.id, one.name, one.start, one.end) for one in found] == [
        (1, "", 10, 14),
        (0, "abc", 20, 22),
        (3, "", 24, 26),
    ]
    assert [str(one) for one in found] == [
        *("type section", "custom section 'abc'", "function section")
    ]
    assert str(Section(77, "", 0, 0)) == "section 77"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("01", "byte 0x9: ends early, expected a byte"),
        ("01 05 00", "byte 0xa: ends early: 5 bytes expected, 1 are left"),
        ("01 ffffffff0f", "byte 0xe: ends early: 4294967295 bytes expected, 0 are left"),
        ("00 02 05 61", "byte 0xb: ends early: 5 bytes expected, 1 are left"),
        ("00 02 01 ff", "byte 0xb: a name is not UTF-8"),
        ("00 00", "byte 0xa: ends early, expected a byte"),
    ],
)
def test_a_length_is_not_believed(code: str, told: str) -> None:
    with pytest.raises(SectionsError) as caught:
        list(sections(HEAD + bytes.fromhex(code)))
    assert str(caught.value) == told


def test_a_count_makes_nothing_larger_than_the_bytes_that_are_there() -> None:
    with pytest.raises(SectionsError, match="4294967295 entries can't lie in 2 bytes"):
        Reader(bytes.fromhex("ffffffff0f 0000")).items(Reader.byte)


def test_names_of_functions_are_counted() -> None:
    """Specification, "Name section": 0 is the module's, 1 are the functions', 2 the locals'."""
    content = bytes.fromhex(
        "00 02 01 6d"  # module "m"
        "01 07 02 00 01 61 05 01 62"  # functions 0 "a" and 5 "b"
        "02 01 00"  # locals: none
    )
    assert function_names(*custom(content)) == 2
    assert function_names(*custom(b"")) == 0


@pytest.mark.parametrize(
    "content", ["01", "01 05 00", "01 01 05", "01 04 01 00 05 61", "01 02 00 00"]
)
def test_damaged_names_are_an_error(content: str) -> None:
    with pytest.raises(SectionsError):
        function_names(*custom(bytes.fromhex(content)))


def test_producers_name_tools_and_their_versions() -> None:
    """WebAssembly/tool-conventions, ProducersSection.md: fields of names with versions."""
    content = (
        b"\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x02\x05rustc\x061.95.0\x05clang\x0221"
    )
    assert producers(*custom(content, "producers")) == {
        "language": {"Rust": ""},
        "processed-by": {"rustc": "1.95.0", "clang": "21"},
    }


@given(st.binary())
@example(b"\x00\x01\x00")
def test_any_bytes_are_sections_or_a_sections_error(data: bytes) -> None:
    with contextlib.suppress(SectionsError):
        assert all(one.end <= len(HEAD + data) for one in sections(HEAD + data))


@given(st.binary())
def test_any_bytes_are_names_and_producers_or_a_sections_error(data: bytes) -> None:
    for read in (function_names, producers):
        with contextlib.suppress(SectionsError):
            read(*custom(data))


def test_sections_fill_the_module() -> None:
    code = guest("(func $a)")
    found = list(sections(code))
    assert [one.id for one in found] == [1, 3, 5, 7, 10, 0]
    assert found[-1].end == len(code)
