"""A body, or a configuration, while a filter reads or changes it, as Envoy's wasm buffer does."""

from __future__ import annotations

from wasm_filters.abi import Status

MAX_BYTES = 256 << 20  # that a filter may make of one buffer; Envoy has no such limit


class Buffer:
    """Bytes that may be changed if ``mutable``: bodies are, configurations are not."""

    __slots__ = ("data", "mutable")

    def __init__(self, data: bytes = b"", mutable: bool = False) -> None:
        self.data = bytearray(data)
        self.mutable = mutable

    def __len__(self) -> int:
        return len(self.data)

    def take(self) -> bytes:
        """All bytes; the buffer is empty afterwards, and stays the same object."""
        data = bytes(self.data)
        self.data.clear()
        return data

    def read(self, start: int, size: int) -> bytes:
        """At most ``size`` bytes from ``start``; none from behind the end."""
        return bytes(self.data[start : start + size])

    def splice(self, start: int, size: int, data: bytes) -> Status:
        """Replace any part, as the spec has it. BAD_ARGUMENT if not mutable. INTERNAL_FAILURE if
        it would be too large (a limit of this host)."""
        if not self.mutable:
            return Status.BAD_ARGUMENT
        if len(self.data) + len(data) > MAX_BYTES:
            return Status.INTERNAL_FAILURE
        self.data[start : start + size] = data
        return Status.OK

    def replace(self, start: int, size: int, data: bytes) -> Status:
        """Prepend, replace the head, or append. Envoy has no way to change the middle.

        OK for ``start`` 0 (the first ``size`` bytes go, ``data`` comes in front) and for ``start``
        at or behind the end (``data`` is appended). BAD_ARGUMENT otherwise, and if not mutable.
        INTERNAL_FAILURE if it would be too large (a limit of this host).
        """
        if not self.mutable:
            return Status.BAD_ARGUMENT
        if len(self.data) + len(data) > MAX_BYTES:
            return Status.INTERNAL_FAILURE
        if start == 0:
            self.data[: min(size, len(self.data))] = data
        elif start >= len(self.data):
            self.data += data
        else:
            return Status.BAD_ARGUMENT
        return Status.OK
