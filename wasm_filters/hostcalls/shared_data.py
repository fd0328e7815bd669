"""Spec sections "Shared Key-Value Store" and "Shared Queues".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#shared-key-value-store
"""

from __future__ import annotations

from collections.abc import Callable

from wasm_filters.abi import Status
from wasm_filters.dialect import Difference
from wasm_filters.services.callouts import Caller
from wasm_filters.state.host import Host
from wasm_filters.state.shared import MAX_QUEUED, MAX_QUEUES


def get_shared_data(
    host: Host, key: int, key_size: int, value_at: int, size_at: int, cas_at: int
) -> Status:
    """Hand over a shared value and write its compare-and-swap number.

    NOT_FOUND: no such key. INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_shared_data
    """
    found = host.worker.shared.get(host.config.vm_id, host.memory.read(key, key_size))
    if found is None:
        return Status.NOT_FOUND
    host.memory.hand_over(found[0], value_at, size_at)
    host.memory.write_u32(cas_at, found[1])
    return Status.OK


def set_shared_data(
    host: Host, key: int, key_size: int, value: int, value_size: int, cas: int
) -> Status:
    """Set a shared value, if ``cas`` is 0 or still its number; a new key takes any ``cas``.

    CAS_MISMATCH: somebody else changed it. INTERNAL_FAILURE: too many keys.
    INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_shared_data
    """
    name = host.memory.read(key, key_size)
    data = host.memory.read(value, value_size)
    shared, vm_id = host.worker.shared, host.config.vm_id
    if cas and shared.get(vm_id, name) is None and not host.differs(Difference.NEW_KEY_CAS):
        return Status.CAS_MISMATCH
    return shared.set(vm_id, name, data, cas)


def register_shared_queue(host: Host, name: int, name_size: int, id_at: int) -> Status:
    """Make a queue, or open it if there is one of that name; this plugin is told of its items.

    INTERNAL_FAILURE: too many queues (a limit of this host). INVALID_MEMORY_ACCESS: a pointer is
    outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_register_shared_queue
    """
    queue_name = host.memory.read(name, name_size)
    queue = host.worker.shared.register(host.config.vm_id, queue_name, _teller(host))
    if queue is None:
        host.warn(f"there are {MAX_QUEUES} queues already")
        return Status.INTERNAL_FAILURE
    host.memory.write_u32(id_at, queue)
    return Status.OK


def _teller(host: Host) -> Callable[[int], None]:
    """Tells the root context of an item, when no callback runs."""
    root, caller, loop = host.current.root, host.caller, host.worker.loop
    coming = 0

    def tell(queue: int) -> None:
        nonlocal coming
        if caller is not None and coming < MAX_QUEUED:
            coming += 1
            loop.after(0, lambda: ready(queue, caller))

    def ready(queue: int, caller: Caller) -> None:
        nonlocal coming
        coming -= 1
        caller.call("proxy_on_queue_ready", root, root.id, queue)

    return tell


def resolve_shared_queue(
    host: Host, vm_id: int, vm_id_size: int, name: int, name_size: int, id_at: int
) -> Status:
    """Write the id of another plugin's queue; an empty ``vm_id`` means the own one.

    NOT_FOUND: no such queue. INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_resolve_shared_queue
    """
    vm = host.memory.read(vm_id, vm_id_size).decode("utf-8", "replace") or host.config.vm_id
    found = host.worker.shared.resolve(vm, host.memory.read(name, name_size))
    if found is None:
        return Status.NOT_FOUND
    host.memory.write_u32(id_at, found)
    return Status.OK


def enqueue_shared_queue(host: Host, queue_id: int, data: int, size: int) -> Status:
    """Append an item; the plugin that registered the queue last is told of it.

    NOT_FOUND: no such queue. INTERNAL_FAILURE: the queue is full (a limit of this host).
    INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_enqueue_shared_queue
    """
    status = host.worker.shared.enqueue(queue_id, host.memory.read(data, size))
    if status is Status.INTERNAL_FAILURE:
        host.warn(f"queue {queue_id} is full")
    return status


def dequeue_shared_queue(host: Host, queue_id: int, data_at: int, size_at: int) -> Status:
    """Hand over the oldest item.

    NOT_FOUND: no such queue. EMPTY: it has no items. INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_dequeue_shared_queue
    """
    item = host.worker.shared.dequeue(queue_id)
    if isinstance(item, Status):
        return item
    host.memory.hand_over(item, data_at, size_at)
    return Status.OK
