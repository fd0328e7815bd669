from __future__ import annotations

import pytest

from wasm_filters.abi import Status
from wasm_filters.state.buffer import Buffer


@pytest.mark.parametrize(
    ("start", "size", "data", "left"),
    [
        (0, 0, b"<", b"<0123"),  # prepend
        (0, 2, b"AB", b"AB23"),  # replace the head
        (0, 999, b"", b""),  # drain
        (4, 0, b">", b"0123>"),  # append
        (0xFFFFFFFF, 0, b">", b"0123>"),
    ],
)
def test_a_buffer_changes_at_its_ends(start: int, size: int, data: bytes, left: bytes) -> None:
    buffer = Buffer(b"0123", mutable=True)
    assert buffer.replace(start, size, data) is Status.OK
    assert bytes(buffer.data) == left


def test_the_middle_can_not_be_changed() -> None:
    buffer = Buffer(b"0123", mutable=True)
    assert buffer.replace(1, 1, b"x") is Status.BAD_ARGUMENT
    assert bytes(buffer.data) == b"0123"


def test_a_configuration_can_not_be_changed() -> None:
    assert Buffer(b"{}").replace(0, 0, b"x") is Status.BAD_ARGUMENT


@pytest.mark.parametrize(
    ("start", "size", "read"), [(0, 99, b"0123"), (1, 2, b"12"), (4, 1, b""), (0xFFFFFFFF, 9, b"")]
)
def test_reading_ends_where_the_buffer_does(start: int, size: int, read: bytes) -> None:
    assert Buffer(b"0123").read(start, size) == read
