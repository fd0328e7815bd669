"""What Emscripten's runtime imports beside the ABI. Source: proxy-wasm-cpp-host, src/wasm.cc."""

from __future__ import annotations

from wasm_filters.state.host import Host


def emscripten_notify_memory_growth(host: Host, memory: int) -> int:
    """Nothing to do: the host looks at the memory's size when it needs it."""
    return 0


def pthread_equal(host: Host, left: int, right: int) -> int:
    """1 if both are the same thread."""
    return int(left == right)
