"""One direction of one HTTP exchange through a filter: headers, body, trailers, as Envoy runs it.

What the filter answers decides what goes on (proxy-wasm-cpp-host, src/context.cc; envoy,
source/common/http/filter_manager.cc; compared with Envoy 1.40 in tests/wasm_filters):

Rule 1: after Continue a phase's fields and body are gone for the filter.
Rule 2: any stop in a headers callback stops everything: the body callback is not called.
Rule 3: after StopIterationAndBuffer the next body callback sees the whole body so far; after
StopIterationAndWatermark its chunk only, with the rest held; StopIterationNoBuffer drops the chunk.
Rule 4: a local reply or a closed stream overrules the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from wasm_filters.abi import (
    AbiVersion,
    BufferType,
    DataAction,
    HeadersAction,
    MapType,
    StreamType,
)
from wasm_filters.buffer import Buffer
from wasm_filters.context import Context
from wasm_filters.header_map import INLINE_REQUEST, INLINE_RESPONSE, HeaderMap, Pair
from wasm_filters.plugin import Plugin


class Flow(Enum):
    """How a direction ended: everything passed, or somewhere it stopped."""

    DONE = "done"
    PAUSED = "paused"  # nobody resumes it here
    REPLIED = "replied"  # the filter answers by itself
    CLOSED = "closed"  # the filter reset the stream


@dataclass(frozen=True, slots=True)
class Direction:
    """The names of one direction, request or response."""

    name: str
    stream: StreamType
    headers: MapType
    trailers: MapType
    body: BufferType
    inline: frozenset[bytes]


REQUEST = Direction(
    "request",
    StreamType.REQUEST,
    MapType.REQUEST_HEADERS,
    MapType.REQUEST_TRAILERS,
    BufferType.REQUEST_BODY,
    INLINE_REQUEST,
)
RESPONSE = Direction(
    "response",
    StreamType.RESPONSE,
    MapType.RESPONSE_HEADERS,
    MapType.RESPONSE_TRAILERS,
    BufferType.RESPONSE_BODY,
    INLINE_RESPONSE,
)
_CONTINUES = (HeadersAction.CONTINUE, HeadersAction.CONTINUE_AND_END_STREAM)


class Half:
    """One direction, run once. ``headers``, ``body`` and ``trailers`` are what came through.

    ``chunks`` are the pieces in which the body arrives. Envoy's HTTP/1 codec tells the end of a
    body in a call of its own without bytes; a body that Envoy made itself ends with its last
    piece (``ends_at_once``). ``stopped_at`` names the callback that did not let it pass.
    """

    def __init__(
        self,
        plugin: Plugin,
        context: Context,
        direction: Direction,
        fields: Sequence[Pair],
        chunks: Sequence[bytes],
        trailers: Sequence[Pair],
        ends_at_once: bool = False,
    ) -> None:
        self._plugin = plugin
        self._context = context
        self._way = direction
        self._pieces = self._with_ends(chunks, bool(trailers), ends_at_once)
        self._held = Buffer(mutable=True)
        self._buffering = False
        self._open = True  # the last callback let its piece pass
        self._had_trailers = bool(trailers)
        self.headers = HeaderMap(fields, direction.inline)
        self.body = bytearray()
        self.trailers = HeaderMap(trailers)
        self.headers_passed = False
        self.stopped_at = ""

    @staticmethod
    def _with_ends(
        chunks: Sequence[bytes], trailers: bool, ends_at_once: bool
    ) -> list[tuple[bytes, bool]]:
        pieces = [(chunk, False) for chunk in chunks if chunk]
        if not pieces or trailers:
            return pieces
        if ends_at_once:
            return [*pieces[:-1], (pieces[-1][0], True)]
        return [*pieces, (b"", True)]

    def run(self) -> Flow:
        """Call the filter for every part, until it stops or all is through."""
        flow = self._run_headers()
        if flow is Flow.DONE:
            self.headers_passed = True
            flow = self._run_body()
        if flow is Flow.DONE and self._had_trailers:
            flow = self._run_trailers()
        if flow is Flow.DONE and not self._open:
            flow = Flow.PAUSED
        return flow

    def _run_headers(self) -> Flow:
        context, way = self._context, self._way
        context.maps[way.headers] = self.headers
        ends = not self._pieces and not self._had_trailers
        arguments = [context.id, len(self.headers)]
        if self._plugin.module.version is not AbiVersion.V0_1_0:
            arguments.append(int(ends))
        action = self._call("headers", *arguments)
        flow = self._flow(action in _CONTINUES)
        if flow is Flow.DONE:
            context.maps.pop(way.headers, None)
        return flow

    def _run_body(self) -> Flow:
        for chunk, ends in self._pieces:
            flow = self._run_piece(chunk, ends)
            if flow not in (Flow.DONE, Flow.PAUSED):
                return flow
        if not self._open and not self._had_trailers:
            return Flow.PAUSED
        return Flow.DONE

    def _run_piece(self, chunk: bytes, ends: bool) -> Flow:
        context, way = self._context, self._way
        if self._buffering:
            self._held.data += chunk
            buffer = self._held
        else:
            buffer = Buffer(chunk, mutable=True)
        if way is REQUEST:
            context.received += len(chunk)
        context.buffers[way.body] = buffer
        context.trailers = way.trailers if ends else None
        action = self._call("body", context.id, len(buffer), int(ends))
        context.trailers = None
        flow = self._flow(action == DataAction.CONTINUE, resumable=ends)
        self._keep(min(action, DataAction.STOP_ITERATION_NO_BUFFER), buffer, flow)
        return flow

    def _keep(self, action: int, buffer: Buffer, flow: Flow) -> None:
        """Pass, hold or drop what the filter saw."""
        context, way = self._context, self._way
        if way.trailers in context.maps:  # made by the filter: readable from here on
            self.trailers = context.maps[way.trailers]
        if flow is Flow.DONE:
            context.buffers.pop(way.body, None)
            if buffer is not self._held and action != DataAction.STOP_ITERATION_NO_BUFFER:
                self._held.data += buffer.take()
            self._pass_on()
        elif action != DataAction.STOP_ITERATION_NO_BUFFER and buffer is not self._held:
            self._held.data += buffer.take()
        self._open = flow is Flow.DONE
        self._buffering = action == DataAction.STOP_ITERATION_AND_BUFFER

    def _pass_on(self) -> None:
        data = self._held.take()
        self.body += data
        if self._way is RESPONSE:
            self._context.sent += len(data)

    def _run_trailers(self) -> Flow:
        context, way = self._context, self._way
        context.maps[way.trailers] = self.trailers
        flow = self._flow(self._call("trailers", context.id, len(self.trailers)) == 0)
        if flow is Flow.DONE:
            del context.maps[way.trailers]
            self._pass_on()
            self._open = True
        return flow

    def _call(self, part: str, *arguments: int) -> int:
        """The filter's answer, 0 (Continue) if it does not ask to be called."""
        name = f"proxy_on_{self._way.name}_{part}"
        self.stopped_at = name
        self._context.resumed.clear()
        return self._plugin.call(name, self._context, *arguments) or 0

    def _flow(self, continues: bool, resumable: bool = True) -> Flow:
        """``resumable``: a continue_stream in the callback itself counts, as it does in Envoy for
        the request's headers and its last piece, and nowhere else."""
        context = self._context
        if context.closed is not None:
            return Flow.CLOSED
        if context.local_reply is not None:
            return Flow.REPLIED
        resumed = resumable and self._way is REQUEST and StreamType.REQUEST in context.resumed
        return Flow.DONE if continues or resumed else Flow.PAUSED
