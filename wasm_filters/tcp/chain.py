"""Several plugins as the network filters of one listener, in front of tcp_proxy."""

from __future__ import annotations

from collections.abc import Sequence

from wasm_filters.plugin import Plugin
from wasm_filters.tcp.connection import DEFAULT_LIMIT, TcpConnection
from wasm_filters.worker import Worker


class TcpChain:
    """Plugins between a client and an upstream. ``limit``: how many bytes may wait in one
    direction (per_connection_buffer_limit_bytes)."""

    def __init__(
        self, worker: Worker, plugins: Sequence[Plugin], limit: int = DEFAULT_LIMIT
    ) -> None:
        self.worker = worker
        self.plugins = tuple(plugins)
        self._limit = limit

    def connect(self) -> TcpConnection:
        """A client connects."""
        connection = TcpConnection(self.plugins, self.worker.clock, self._limit)
        connection.open()
        return connection
