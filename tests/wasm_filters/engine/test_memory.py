from __future__ import annotations

import pytest

from wasm_filters.engine.memory import Memory
from wasm_filters.errors import BadPointer


class Guest:
    """16 bytes of memory that can grow, with an allocator that answers what it is told."""

    def __init__(self, allocated: int = 8) -> None:
        self.bytes = bytearray(b"?" * 16)
        self.allocated = allocated
        self.complaints: list[str] = []
        self.memory = Memory(
            lambda: memoryview(self.bytes), lambda size: self.allocated, self.complaints.append
        )


def test_what_is_written_has_guard_bytes_around_it() -> None:
    guest = Guest()
    guest.memory.write_u32(4, 0x01020304)
    assert guest.bytes == b"????\x04\x03\x02\x01????????"


def test_a_long_is_eight_bytes_and_wraps() -> None:
    guest = Guest()
    guest.memory.write_u64(0, -1)
    assert guest.bytes == b"\xff" * 8 + b"?" * 8


@pytest.mark.parametrize(("address", "size"), [(16, 1), (15, 2), (0xFFFFFFFF, 1), (0, 17)])
def test_an_address_outside_is_refused(address: int, size: int) -> None:
    with pytest.raises(BadPointer):
        Guest().memory.read(address, size)
    with pytest.raises(BadPointer):
        Guest().memory.write(address, b"x" * size)


@pytest.mark.parametrize("address", [13, 16, 0xFFFFFFFF])
def test_a_number_must_fit(address: int) -> None:
    memory = Guest().memory
    for action in (
        lambda: memory.read_u32(address),
        lambda: memory.write_u32(address, 1),
        lambda: memory.write_u64(address, 1),
    ):
        with pytest.raises(BadPointer):
            action()


def test_nothing_can_be_read_at_the_very_end() -> None:
    assert Guest().memory.read(16, 0) == b""


def test_memory_that_grew_is_found() -> None:
    guest = Guest()
    guest.bytes = bytearray(b"!" * 32)
    assert guest.memory.read(30, 2) == b"!!"
    assert len(guest.memory) == 32


def test_handing_over_writes_the_data_its_place_and_its_size() -> None:
    guest = Guest(allocated=12)
    guest.memory.hand_over(b"abc", 0, 4)
    assert guest.bytes == b"\x0c\0\0\0\x03\0\0\0????abc?"


def test_nothing_is_allocated_for_no_bytes() -> None:
    guest = Guest(allocated=999)
    guest.memory.hand_over(b"", 0, 4)
    assert guest.bytes == b"\0" * 8 + b"?" * 8
    assert guest.complaints == []


@pytest.mark.parametrize("allocated", [0, 14, 0xFFFFFFF0])
def test_a_lying_allocator_is_told_on(allocated: int) -> None:
    guest = Guest(allocated)
    with pytest.raises(BadPointer):
        guest.memory.hand_over(b"abc", 0, 4)
    (complaint,) = guest.complaints
    assert complaint.startswith(f"the allocator answered {allocated:#x} for 3 bytes, outside of")
    assert guest.bytes == b"?" * 16
