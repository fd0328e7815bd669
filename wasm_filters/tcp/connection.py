"""One connection from a client through network filters to an upstream, as Envoy's tcp_proxy has it.

Events in: bytes, ends and resets of either side. What came of it is read from ``to_upstream``,
``to_client`` and the flags. Reading and writing share Envoy's rule: one buffer per direction, shown
to the filters from the first one (the last one, for what goes to the client) until one stops; what
is not passed on stays in the buffer, and the next callback sees all of it.

Source: envoy, source/common/network/filter_manager_impl.cc and source/common/tcp_proxy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from wasm_filters.abi import BufferType
from wasm_filters.plugin import Plugin
from wasm_filters.properties.stream import StreamProperties
from wasm_filters.properties.stream_info import StreamInfo
from wasm_filters.state.buffer import Buffer
from wasm_filters.tcp.plugin_filter import LOCAL, REMOTE, TcpFilter

DEFAULT_LIMIT = 1 << 20  # bytes that may wait in one direction: per_connection_buffer_limit_bytes


class TcpConnection:
    """``connected``: the upstream was asked for. ``closed``: Envoy has closed it, by ``closed_by``
    (``"local"`` or ``"remote"``). ``client_ended`` and ``upstream_ended``: that side was told the
    end of what it gets."""

    def __init__(
        self, plugins: Sequence[Plugin], clock: Callable[[], int], limit: int = DEFAULT_LIMIT
    ) -> None:
        self._clock = clock
        self.info = StreamInfo.connected(clock)
        self.to_upstream = bytearray()
        self.to_client = bytearray()
        self.connected = False
        self.closed = False
        self.closed_by = ""
        self.client_ended = False
        self.upstream_ended = False
        self._limit = limit
        self._read = Buffer(mutable=True)
        self._write = Buffer(mutable=True)
        self._unread: deque[tuple[bytes, bool]] = deque()
        self._read_ends = False
        self._client_finished = False
        self._upstream_finished = False
        self._told = 0  # filters that know of the connection
        made = [TcpFilter(plugin, self, at) for at, plugin in enumerate(plugins)]
        self.filters = [
            one for one in made if one.context is not None or not one.plugin.passes_when_dead
        ]
        for at, one in enumerate(self.filters):
            one.at = at
            if one.context is not None:
                one.context.properties = StreamProperties(
                    one.context, clock, self.info, surroundings=one.plugin.surroundings
                )

    def open(self) -> None:
        """The client has connected."""
        self._pass_on(0)

    # the client

    def from_client(self, data: bytes, ends: bool = False) -> None:
        """The client sends; ``ends``: and no more after it."""
        self._unread.append((data, ends))
        self._read_more()

    def _read_more(self) -> None:
        while self._unread and self.connected and not self.closed:
            if len(self._read) > self._limit:
                return  # the client has to wait
            data, ends = self._unread.popleft()
            self._read.data += data
            self.info.received += len(self._read)  # with what was read before and is still there
            self._read_ends = self._client_finished = ends
            self._pass_on(0)
            if ends and self._upstream_finished:
                self._close(REMOTE)  # the client is the last to end

    def continue_reading(self, at: int) -> None:
        """Go on behind the filter at ``at``, with what was read so far."""
        if not self.closed:
            self._pass_on(at + 1)
            self._read_more()

    def _pass_on(self, first: int) -> None:
        for at in range(first, len(self.filters)):
            if at >= self._told:
                self._told = at + 1
                if not self.filters[at].new_connection() or self.closed:
                    return
            if not self._shown(at):
                return
        self._reach_upstream()

    def _shown(self, at: int) -> bool:
        if not len(self._read) and not self._read_ends:
            return True
        one = self.filters[at]
        goes_on = one.data(BufferType.DOWNSTREAM_DATA, self._read, self._read_ends)
        return goes_on and not self.closed

    def _reach_upstream(self) -> None:
        if not self.connected:
            self.connected = True
            self.info.routed = self._clock()
            self._read_more()
            return
        self.to_upstream += self._read.take()
        if self._read_ends and not self.upstream_ended:
            self.upstream_ended = True
            self._read_ends = False

    # the upstream

    def from_upstream(self, data: bytes, ends: bool = False) -> None:
        """The upstream sends; ``ends``: and no more after it."""
        if self.closed:
            return
        self._write.data += data
        self._upstream_finished = self._upstream_finished or ends
        for one in reversed(self.filters):
            goes_on = one.data(BufferType.UPSTREAM_DATA, self._write, ends)
            if not goes_on or self.closed:
                break
        else:
            self.info.sent += len(self._write)
            self.to_client += self._write.take()
            self.client_ended = self.client_ended or ends
        if ends and self._client_finished:
            self._close(LOCAL)

    # the end

    def refuse(self) -> None:
        """Nobody listens upstream."""
        self._close(LOCAL)

    def upstream_resets(self) -> None:
        self._close(LOCAL)

    def client_resets(self) -> None:
        """Envoy notices when it reads, which it does once it is connected upstream."""
        if self.connected:
            self._close(REMOTE)

    def close(self) -> None:
        """A filter closes it; what it has not passed on is dropped."""
        self._close(LOCAL)

    def _close(self, peer: int) -> None:
        if self.closed:
            return
        self.closed = True
        self.closed_by = "local" if peer == LOCAL else "remote"
        self.client_ended = self.upstream_ended = True
        for one in self.filters:
            one.closed(peer)
