"""Memory that grows with each request of one VM, and is not reused."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_traffic import Body, Headers, Request
from wasm_filters.errors import WasmError
from wasm_filters.fuzzing.attempt import Subject
from wasm_filters.http.chain import HttpChain
from wasm_filters.worker import Worker

ROUND = 200  # requests between two looks
ROUNDS = 4
LEAST = 256 << 10  # bytes of growth in the last half that count: collectors take their time
_REQUESTS = (
    Request("GET", "/", "a", headers=Headers.of({"user-agent": "fuzz", "cookie": "a=b"})),
    Request(
        "POST", "/", "a", headers=Headers.of({"content-length": "1024"}), body=Body(b"x" * 1024)
    ),
)


@dataclass(frozen=True, slots=True)
class Leak:
    """How large the memory was, in bytes, after each round of requests."""

    sizes: tuple[int, ...]

    def __str__(self) -> str:
        sizes = ", ".join(f"{size >> 10:,}" for size in self.sizes)
        return f"memory grows: {sizes} KiB, with {ROUND * len(_REQUESTS)} requests between"


def leak(subject: Subject) -> Leak | None:
    """Whether the memory grows in each round; None if it does not, or if requests kill the VM."""
    worker = Worker(limits=subject.limits)
    try:
        plugin = worker.plugin(subject.module, subject.config)
    except WasmError:
        return None
    chain = HttpChain(worker, [plugin])
    sizes = []
    for _ in range(ROUNDS):
        for _ in range(ROUND):
            for request in _REQUESTS:
                if chain.handle(request, patience=1.0).failure is not None:
                    return None
        sizes.append(len(plugin.machine.vm.window()))
    grows = all(one < other for one, other in zip(sizes, sizes[1:], strict=False))
    return Leak(tuple(sizes)) if grows and sizes[-1] - sizes[ROUNDS // 2] >= LEAST else None
