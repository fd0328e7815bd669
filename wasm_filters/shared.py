"""What filters with the same ``vm_id`` share: data with compare-and-swap, and queues.

Source: proxy-wasm-cpp-host, src/shared_data.cc and src/shared_queue.cc.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from wasm_filters.abi import Status

MAX_KEYS = 100_000
MAX_QUEUED = 10_000  # items per queue


@dataclass(slots=True)
class Queue:
    """``tell`` is called with the queue's id for each item that comes in: it reaches the plugin
    that registered the queue last, and no other."""

    vm_id: str
    name: bytes
    items: deque[bytes] = field(default_factory=deque)
    tell: Callable[[int], None] | None = None


class SharedState:
    """All shared data and queues of one process. Hand the same object to filters that share."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, bytes], tuple[bytes, int]] = {}
        self._cas = 0
        self._queues: dict[int, Queue] = {}

    def get(self, vm_id: str, key: bytes) -> tuple[bytes, int] | None:
        """The value and its compare-and-swap number, if there is one."""
        return self._data.get((vm_id, key))

    def set(self, vm_id: str, key: bytes, value: bytes, cas: int) -> Status:
        """CAS_MISMATCH if ``cas`` is not 0 and not that of the value; a new key takes any."""
        old = self._data.get((vm_id, key))
        if old is not None and cas and cas != old[1]:
            return Status.CAS_MISMATCH
        if old is None and len(self._data) >= MAX_KEYS:
            return Status.INTERNAL_FAILURE
        self._cas = self._cas % 0xFFFF_FFFF + 1  # never 0: that means "any"
        self._data[vm_id, key] = (value, self._cas)
        return Status.OK

    def register(self, vm_id: str, name: bytes, tell: Callable[[int], None]) -> int:
        """The queue's id, made if there is none; ``tell`` hears of its items from now on."""
        found = self.resolve(vm_id, name)
        if found is None:
            found = len(self._queues) + 1
            self._queues[found] = Queue(vm_id, name)
        self._queues[found].tell = tell
        return found

    def resolve(self, vm_id: str, name: bytes) -> int | None:
        wanted = (vm_id, name)
        return next((i for i, q in self._queues.items() if (q.vm_id, q.name) == wanted), None)

    def queue(self, queue_id: int) -> Queue | None:
        return self._queues.get(queue_id)
