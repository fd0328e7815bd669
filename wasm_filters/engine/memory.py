"""A guest's linear memory, as the host reads and writes it: every address is checked, none trusted.

Reads and writes go through one memoryview over the whole memory. The VM's memories never move
(see vm.py), so the view stays right when the guest grows its memory; it is only too short then,
and it is taken anew when an address lies behind its end.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable

from wasm_filters.errors import BadPointer, Refusal

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_PACK_U32 = _U32.pack_into
_SMALL = 256  # bytes; up to here a struct reads quicker than a slice of the view
_READ = [struct.Struct(f"{size}s").unpack_from for size in range(_SMALL)]
_FATAL_ADDRESS = 0  # what an allocator answers when it has nothing left


class Memory:
    """Bounds-checked access to one memory.

    ``window`` gives a view of all bytes that the guest has now; ``allocate`` asks the guest's own
    allocator for room and answers its address; ``complain`` is told when that address is useless.
    Every method raises BadPointer for an address outside.

    ``left`` is how many bytes the host may still copy out of it: a filter that hands over the same
    bytes again and again would fill the host's memory with them. Its owner sets it anew for each
    callback.
    """

    __slots__ = ("_allocate", "_complain", "_size", "_view", "_window", "left")

    def __init__(
        self,
        window: Callable[[], memoryview],
        allocate: Callable[[int], int],
        complain: Callable[[str], None],
    ) -> None:
        self._window = window
        self._allocate = allocate
        self._complain = complain
        self._view = window()
        self._size = len(self._view)
        self.left = sys.maxsize

    def __len__(self) -> int:
        self._look_again()
        return self._size

    def _look_again(self) -> None:
        self._view = self._window()
        self._size = len(self._view)

    def _reach(self, address: int, size: int) -> None:
        if address + size > self._size:
            self._look_again()
            if address + size > self._size:
                raise BadPointer(f"{size} bytes at {address:#x} of {self._size:#x}")

    def read(self, address: int, size: int) -> bytes:
        """A copy; Refusal if the guest has handed over too much. Small ones are not counted: how
        many there may be is limited anyway."""
        if address + size > self._size:
            self._reach(address, size)
        if size < _SMALL:
            value: bytes = _READ[size](self._view, address)[0]
            return value
        self.left -= size
        if self.left < 0:
            raise Refusal("more bytes were handed over in one callback than the limit allows")
        return bytes(self._view[address : address + size])

    def head(self, address: int, size: int, most: int) -> bytes:
        """The first bytes of ``size``, ``most`` of them."""
        if address + size > self._size:
            self._reach(address, size)
        return self.read(address, min(size, most))

    def peek(self, address: int, size: int) -> bytes:
        """A copy for somebody who watches: it does not count."""
        if address + size > self._size:
            self._reach(address, size)
        if size < _SMALL:
            value: bytes = _READ[size](self._view, address)[0]
            return value
        return bytes(self._view[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        end = address + len(data)
        if end > self._size:
            self._reach(address, len(data))
        self._view[address:end] = data

    def read_u32(self, address: int) -> int:
        if address + 4 > self._size:
            self._reach(address, 4)
        value: int = _U32.unpack_from(self._view, address)[0]
        return value

    def write_u32(self, address: int, value: int) -> None:
        if address + 4 > self._size:
            self._reach(address, 4)
        _U32.pack_into(self._view, address, value)

    def write_u64(self, address: int, value: int) -> None:
        if address + 8 > self._size:
            self._reach(address, 8)
        _U64.pack_into(self._view, address, value & 0xFFFF_FFFF_FFFF_FFFF)

    def hand_over(self, data: bytes, pointer_at: int, size_at: int) -> None:
        """Put ``data`` into memory that the guest allocates and owns; write where it is.

        Nothing is allocated for no bytes: address and size are 0 then, as in Envoy.
        """
        address, size = 0, len(data)
        if size:
            address = self._allocate(size)
            end = address + size
            if address != _FATAL_ADDRESS and end <= self._size:
                self._view[address:end] = data
            else:
                self._fill(address, data)
        last = self._size - 4
        if pointer_at > last or size_at > last:
            self._reach(pointer_at, 4)
            self._reach(size_at, 4)
        view = self._view
        _PACK_U32(view, pointer_at, address)
        _PACK_U32(view, size_at, size)

    def place(self, data: bytes) -> int:
        """Put ``data`` into memory that the guest allocates and owns; its address, 0 for none."""
        if not data:
            return 0
        address = self._allocate(len(data))
        self._fill(address, data)
        return address

    def _fill(self, address: int, data: bytes) -> None:
        try:
            if address == _FATAL_ADDRESS:
                raise BadPointer("no memory left")
            self.write(address, data)
        except BadPointer:
            self._complain(
                f"the allocator answered {address:#x} for {len(data)} bytes, outside of the"
                f" {self._size:#x} bytes of memory; the hostcall got INVALID_MEMORY_ACCESS"
            )
            raise
