"""A TCP connection through network filters, event by event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mesh_yaml.node import Node
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.tcp.connection import TcpConnection
from wasm_filters.testing.language.messages import TcpEventSpec


def play(
    chain: TcpChain, events: Sequence[TcpEventSpec], folder: Path, node: Node
) -> TcpConnection:
    """Connect, and let the events happen; ``node`` is where they were written.

    Raises:
        DocumentError: a file with bytes to send can't be read.
    """
    connection = chain.connect()
    chain.worker.loop.run(0)
    for index, event in enumerate(events):
        _happen(chain, connection, event, folder, node.find(index))
        chain.worker.loop.run(0)
    return connection


def _happen(
    chain: TcpChain, connection: TcpConnection, event: TcpEventSpec, folder: Path, node: Node
) -> None:
    if event.client is not None:
        connection.from_client(event.client.content(folder, node.find("client")))
    elif event.upstream is not None:
        connection.from_upstream(event.upstream.content(folder, node.find("upstream")))
    elif event.advance is not None:
        chain.worker.advance(event.advance.total_seconds())
    elif event.refuse:
        connection.refuse()
    else:
        what = ("end", event.end) if event.end is not None else ("reset", event.reset)
        _ENDS[what](connection)


_ENDS: Mapping[tuple[str, str | None], Callable[[TcpConnection], None]] = {
    ("end", "client"): lambda connection: connection.from_client(b"", ends=True),
    ("end", "upstream"): lambda connection: connection.from_upstream(b"", ends=True),
    ("reset", "client"): TcpConnection.client_resets,
    ("reset", "upstream"): TcpConnection.upstream_resets,
}
