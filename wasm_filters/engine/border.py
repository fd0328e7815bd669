"""What a VM is given and asked for: limits, imports and the functions that answer them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wasm_filters.abi import Signature


@dataclass(frozen=True, slots=True)
class Limits:
    """What one VM may use. ``memory`` in bytes (1 GiB, as Envoy's V8), ``deadline`` in seconds
    of wall time per callback, ``hostcalls`` per callback. ``handed_over``: how many bytes the host
    copies out of it in one callback."""

    memory: int = 1 << 30
    deadline: float = 5.0
    hostcalls: int = 1_000_000
    handed_over: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Import:
    """Something that a module wants from its host; ``signature`` is None if it is no function.

    ``kind`` is one of function, table, memory, global and tag.
    """

    module: str
    name: str
    signature: Signature | None
    kind: str = "function"

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class HostFunction:
    """One import, answered: ``function`` takes unsigned integers and answers one.

    ``on_bad_pointer`` is the answer when it raises BadPointer; ``guarded`` means that it may not
    be called while the VM is ``restricted``.
    """

    name: str
    signature: Signature
    function: Callable[..., int]
    on_bad_pointer: int = 6
    guarded: bool = False
