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
MAX_QUEUES = 1000
MAX_BYTES = 256 << 20  # of all keys and values, and again of all queued items


@dataclass(slots=True)
class Queue:
    """``tell`` is called with the queue's id for each item that comes in: it reaches the plugin
    that registered the queue last, and no other."""

    items: deque[bytes] = field(default_factory=deque)
    tell: Callable[[int], None] | None = None


class SharedState:
    """All shared data and queues of one process. Hand the same object to filters that share."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, bytes], tuple[bytes, int]] = {}
        self._cas = 0
        self._bytes = 0
        self._queues: dict[int, Queue] = {}
        self._ids: dict[tuple[str, bytes], int] = {}
        self._queued = 0

    def get(self, vm_id: str, key: bytes) -> tuple[bytes, int] | None:
        """The value and its compare-and-swap number, if there is one."""
        return self._data.get((vm_id, key))

    def set(self, vm_id: str, key: bytes, value: bytes, cas: int) -> Status:
        """CAS_MISMATCH if ``cas`` is not 0 and not that of the value; a new key takes any.
        INTERNAL_FAILURE if there is too much (a limit of this host)."""
        old = self._data.get((vm_id, key))
        if old is not None and cas and cas != old[1]:
            return Status.CAS_MISMATCH
        grows = len(value) - len(old[0]) if old is not None else len(key) + len(value)
        if self._bytes + grows > MAX_BYTES or (old is None and len(self._data) >= MAX_KEYS):
            return Status.INTERNAL_FAILURE
        self._bytes += grows
        self._cas = self._cas % 0xFFFF_FFFF + 1  # never 0: that means "any"
        self._data[vm_id, key] = (value, self._cas)
        return Status.OK

    def register(self, vm_id: str, name: bytes, tell: Callable[[int], None]) -> int | None:
        """The queue's id, made if there is none; ``tell`` hears of its items from now on. None if
        there are too many queues."""
        found = self._ids.get((vm_id, name))
        if found is None:
            if len(self._queues) >= MAX_QUEUES:
                return None
            found = self._ids[vm_id, name] = len(self._queues) + 1
            self._queues[found] = Queue()
        self._queues[found].tell = tell
        return found

    def resolve(self, vm_id: str, name: bytes) -> int | None:
        return self._ids.get((vm_id, name))

    def queue(self, queue_id: int) -> Queue | None:
        return self._queues.get(queue_id)

    def enqueue(self, queue_id: int, item: bytes) -> Status:
        """NOT_FOUND: no such queue. INTERNAL_FAILURE: it is full (a limit of this host)."""
        queue = self._queues.get(queue_id)
        if queue is None:
            return Status.NOT_FOUND
        if len(queue.items) >= MAX_QUEUED or self._queued + len(item) > MAX_BYTES:
            return Status.INTERNAL_FAILURE
        self._queued += len(item)
        queue.items.append(item)
        if queue.tell is not None:
            queue.tell(queue_id)
        return Status.OK

    def dequeue(self, queue_id: int) -> bytes | Status:
        """The oldest item. NOT_FOUND: no such queue. EMPTY: it has no items."""
        queue = self._queues.get(queue_id)
        if queue is None:
            return Status.NOT_FOUND
        if not queue.items:
            return Status.EMPTY
        item = queue.items.popleft()
        self._queued -= len(item)
        return item
