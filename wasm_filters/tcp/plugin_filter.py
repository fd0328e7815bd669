"""A plugin as a network filter of one connection: the callbacks, and what their answers mean.

Source: envoy, source/extensions/common/wasm/context.cc (onNewConnection, onData, onWrite, onEvent);
measured on Envoy 1.40: tests/wasm_filters/test_tcp_fidelity.py.
"""

from __future__ import annotations

from typing import Protocol

from wasm_filters.abi import BufferType, StreamType
from wasm_filters.config import FailurePolicy
from wasm_filters.plugin import Plugin
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context, LocalReply

UNKNOWN, LOCAL, REMOTE = 0, 1, 2  # proxy_peer_type_t: who closed

_CALLBACKS = {
    BufferType.DOWNSTREAM_DATA: "proxy_on_downstream_data",
    BufferType.UPSTREAM_DATA: "proxy_on_upstream_data",
}


class Connected(Protocol):
    """The connection, as a filter asks things of it."""

    def continue_reading(self, at: int, /) -> None: ...

    def close(self) -> None: ...


class TcpFilter:
    """One plugin's part in one connection. ``context`` is None if its VM was dead before."""

    __slots__ = ("_ended", "at", "connection", "context", "machine", "plugin")

    def __init__(self, plugin: Plugin, connection: Connected, at: int) -> None:
        self.plugin = plugin
        self.connection = connection
        self.at = at
        self.context: Context | None = plugin.stream_context()
        self.machine = plugin.machine
        self._ended = False
        if self.context is not None:
            self.context.stream = self

    # what hostcalls ask for

    def resume(self, stream: StreamType) -> None:
        """Only reading from the client can be resumed; the rest has no effect in Envoy."""
        if stream is StreamType.DOWNSTREAM:
            self.connection.continue_reading(self.at)

    def close(self, stream: StreamType) -> None:
        """Either side's name closes the connection to the client."""
        if stream in (StreamType.DOWNSTREAM, StreamType.UPSTREAM):
            self.connection.close()

    def reply(self, reply: LocalReply) -> None:
        """There is no response to send on a connection; Envoy ignores it, too."""

    # what comes by

    def new_connection(self) -> bool:
        """Whether the filters behind this one are told, too."""
        context = self.context
        if context is None:
            return self._passes()
        context.created = True
        self.machine.call("proxy_on_context_create", context, context.id, self.plugin.root.id)
        return self._call("proxy_on_new_connection", context)

    def data(self, kind: BufferType, data: Buffer, ends: bool) -> bool:
        """Whether ``data`` goes on; it stays where it is otherwise."""
        context = self.context
        if context is None:
            return self._passes()
        if not context.created:
            return True
        context.buffers[kind] = data
        goes_on = self._call(_CALLBACKS[kind], context, len(data), int(ends))
        if goes_on:
            context.buffers.pop(kind, None)
        if ends and kind is BufferType.UPSTREAM_DATA:
            self.machine.call("proxy_on_upstream_connection_close", context, context.id, UNKNOWN)
        return goes_on

    def _call(self, name: str, context: Context, *arguments: int) -> bool:
        answer = self.machine.call(name, context, context.id, *arguments)
        if answer is None and self.machine.failure is not None:
            return self._passes()
        return not answer

    def _passes(self) -> bool:
        """With a dead VM: whether data goes on, or the connection ends with it."""
        if self.plugin.config.failure_policy is FailurePolicy.LEGACY_FAIL_OPEN:
            return True
        self.connection.close()
        return False

    # the end

    def closed(self, peer: int) -> None:
        """Tell who closed; then done, log and delete."""
        context = self.context
        if context is None or self._ended:
            return
        self._ended = True
        if context.created:
            machine = self.machine
            machine.call("proxy_on_downstream_connection_close", context, context.id, peer)
            machine.call("proxy_on_done", context, context.id)
            machine.call("proxy_on_log", context, context.id)
            machine.call("proxy_on_delete", context, context.id)
        context.stream = None
        self.machine.drop_context(context)
