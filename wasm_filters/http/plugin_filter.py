"""A plugin as an HTTP filter of one exchange: the callbacks, and what their answers mean.

Source: envoy, source/extensions/common/wasm/context.cc, and proxy-wasm-cpp-host, src/context.cc.
"""

from __future__ import annotations

from typing import Protocol

from wasm_filters.abi import AbiVersion, DataAction, HeadersAction, StreamType
from wasm_filters.config import FailurePolicy
from wasm_filters.dialect import Difference
from wasm_filters.http.direction import REQUEST, Iteration
from wasm_filters.http.way import (
    CONTINUE,
    DATA_BUFFER,
    DATA_CONTINUE,
    DATA_DROP,
    DATA_WATERMARK,
    STOP,
    DataAnswer,
    Way,
)
from wasm_filters.plugin import Plugin
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context, Fields, LocalReply

STOP_ALL = Iteration.STOP_ALL_AND_WATERMARK
FAILED = LocalReply(503, "wasm_fail_stream", grpc_status=14)
STOPPED = -1  # the answer of a callback that replied or closed, or that did not return
MAX_CONTEXTS = 100_000  # of one VM; with more, a filter that is not done is deleted all the same
CLOSE_DETAILS = "wasm_close_stream"

_HEADERS: dict[int, Iteration] = {
    HeadersAction.CONTINUE: CONTINUE,
    HeadersAction.STOP_ITERATION: STOP,
    HeadersAction.CONTINUE_AND_END_STREAM: CONTINUE,
    HeadersAction.STOP_ALL_ITERATION_AND_BUFFER: Iteration.STOP_ALL_AND_BUFFER,
}
_DATA: dict[int, DataAnswer] = {
    DataAction.CONTINUE: DATA_CONTINUE,
    DataAction.STOP_ITERATION_AND_BUFFER: DATA_BUFFER,
    DataAction.STOP_ITERATION_AND_WATERMARK: DATA_WATERMARK,
}


class Replier(Protocol):
    """The exchange, as a filter asks things of it."""

    @property
    def is_over(self) -> bool: ...

    def resume(self, stream: StreamType, at: int, /) -> None: ...

    def send_local_reply(self, reply: LocalReply, /) -> None: ...

    def reset(self, details: str, /) -> None: ...


class PluginFilter:
    """One plugin's part in one exchange. ``context`` is None if its VM was dead before."""

    __slots__ = (
        "_buffers",
        "_failed",
        "_is_done",
        "at",
        "context",
        "exchange",
        "machine",
        "plugin",
    )

    def __init__(self, plugin: Plugin, exchange: Replier, at: int) -> None:
        self.plugin = plugin
        self.exchange = exchange
        self.at = at
        self.context: Context | None = plugin.stream_context()
        self.machine = plugin.machine  # a new one, if it was reloaded
        self._failed = False
        self._is_done = True
        self._buffers = [False, False]  # of the request, of the response
        if self.context is not None:
            self.context.stream = self

    # what hostcalls ask for

    def resume(self, stream: StreamType) -> None:
        """Go on with a direction, once the callback has returned."""
        self.exchange.resume(stream, self.at)

    def close(self, stream: StreamType) -> None:
        self.exchange.reset(CLOSE_DETAILS)

    def reply(self, reply: LocalReply) -> None:
        self.exchange.send_local_reply(reply)

    # what comes by

    def headers(self, way: Way, ends: bool) -> Iteration:
        context = self._open(way)
        if context is None:
            return CONTINUE if self._passes(way) else STOP_ALL
        direction = way.direction
        context.maps[direction.headers] = way.headers
        if self.machine.module.version is AbiVersion.V0_1_0:
            answer = self._call(direction.on_headers, context, len(way.headers))
        else:
            answer = self._call(direction.on_headers, context, len(way.headers), int(ends))
        state = CONTINUE if answer == 0 else self._iteration(answer, direction.on_headers, ends)
        if state is CONTINUE:
            context.maps.pop(direction.headers, None)
        return state

    def data(self, way: Way, data: Buffer, ends: bool) -> DataAnswer:
        context = self._open(way)
        if context is None:
            return DATA_CONTINUE if self._passes(way) else DATA_DROP
        direction = way.direction
        buffers = self._buffers[direction.stream]
        if buffers:
            way.hold(data)
            if self.exchange.is_over:  # too much: it has ended
                return DATA_BUFFER
        shown = way.held if buffers and way.held is not None else data
        context.buffers[direction.body] = shown
        context.trailers = direction.trailers if ends else None
        answer = self._call(direction.on_body, context, len(shown), int(ends))
        context.trailers = None
        self._made_trailers(way, context)
        decided = DATA_CONTINUE if answer == 0 else self._data_answer(answer, direction.on_body)
        self._buffers[direction.stream] = decided is DATA_BUFFER
        self._leave_body(way, context, decided)
        return decided

    def _leave_body(self, way: Way, context: Context, decided: DataAnswer) -> None:
        """What the filter can still see of the body when its callback is over."""
        body = way.direction.body
        if decided is DATA_CONTINUE:
            context.buffers.pop(body, None)
        elif decided is DATA_BUFFER and body in context.buffers:
            way.streams = False
            way.hold(context.buffers[body])
            if way.held is not None:
                context.buffers[body] = way.held

    def _made_trailers(self, way: Way, context: Context) -> None:
        if way.trailers is None:
            way.trailers = context.maps.get(way.direction.trailers)

    def trailers(self, way: Way) -> Iteration:
        context = self._open(way)
        if context is None:
            return CONTINUE if self._passes(way) else STOP
        if way.trailers is None:
            return CONTINUE
        direction = way.direction
        context.maps[direction.trailers] = way.trailers
        answer = self._call(direction.on_trailers, context, len(way.trailers))
        if answer != 0:
            return STOP
        context.maps.pop(direction.trailers, None)
        return CONTINUE

    def metadata(self, way: Way, elements: int) -> None:
        context = self._open(way)
        if context is not None:
            self._call(way.direction.on_metadata, context, elements)

    def _open(self, way: Way) -> Context | None:
        """The context, told to the module first; None if nothing may be called."""
        context = self.context
        if context is None or self._failed or self.machine.failure is not None:
            return None
        if not context.created:
            if way.direction is not REQUEST:
                return None  # a reply from in front of it: the module has not heard of this
            self.create()
        return context

    def create(self) -> None:
        context = self.context
        if context is not None and not context.created:
            context.created = True
            self.machine.call("proxy_on_context_create", context, context.id, self.plugin.root.id)

    def _passes(self, way: Way) -> bool:
        """With nothing to call: whether the exchange goes on, or fails with the VM."""
        if self._failed or (self.context is not None and not self.context.created):
            return True
        if self.machine.failure is None and self.context is not None:
            return True
        if self.plugin.config.failure_policy is FailurePolicy.LEGACY_FAIL_OPEN:
            return True
        self._fail()
        return False

    def _fail(self) -> None:
        self._failed = True
        self.exchange.send_local_reply(FAILED)

    def _call(self, name: str, context: Context, *arguments: int) -> int:
        """The module's answer, 0 (Continue) if it has no such callback."""
        answer = self.machine.call(name, context, context.id, *arguments)
        # a VM may also die in a callback inside of this one's hostcall, and this one goes on
        if answer is None or self.machine.failure is not None:
            if self.machine.failure is None or (
                self.plugin.config.failure_policy is FailurePolicy.LEGACY_FAIL_OPEN
            ):
                return 0
            if not self._failed:
                self._fail()
            return STOPPED
        return STOPPED if self.machine.stopped else answer

    def _iteration(self, answer: int, name: str, ends: bool) -> Iteration:
        if answer == HeadersAction.STOP_ITERATION:
            if self.plugin.config.stops_at_headers:
                return STOP
            if ends:  # there is no body to differ about
                return STOP_ALL
            return STOP_ALL if self._differs(Difference.HEADERS_PAUSE, name) else STOP
        if answer == STOPPED or self._differs(Difference.MORE_ACTIONS, name):
            return _HEADERS.get(answer, STOP_ALL)
        return STOP

    def _data_answer(self, answer: int, name: str) -> DataAnswer:
        known = answer in (STOPPED, DataAction.STOP_ITERATION_AND_BUFFER)
        if known or self._differs(Difference.MORE_ACTIONS, name):
            return _DATA.get(answer, DATA_DROP)
        return DATA_BUFFER

    def _differs(self, difference: Difference, callback: str) -> bool:
        return self.machine.host.differs(difference, callback)

    # the end

    def log(self, maps: Fields) -> None:
        context = self.context
        if context is None:
            return
        self.create()
        context.logged = maps
        self.machine.call("proxy_on_log", context, context.id)
        context.logged = None

    def done_and_log(self, maps: Fields) -> None:
        """The spec's order: the log comes when the filter is done."""
        context = self.context
        if context is None:
            return
        self.create()
        self._is_done = self.machine.call("proxy_on_done", context, context.id) != 0
        self.log(maps)

    def delete(self) -> None:
        """Done, unless that was asked before, and delete; Envoy does not wait for the filter."""
        context = self.context
        if context is None:
            return
        if context.created:
            if not self.machine.host.spec:
                done = self.machine.call("proxy_on_done", context, context.id)
                self._is_done = done != 0 or self._differs(
                    Difference.DONE_IS_IGNORED, "proxy_on_done"
                )
            if not self._is_done and len(self.machine.host.contexts) < MAX_CONTEXTS:
                context.ending = self._end
                return
        self._end()

    def _end(self) -> None:
        context = self.context
        if context is None:
            return
        context.ending = None
        if context.created:
            self.machine.call("proxy_on_delete", context, context.id)
        context.stream = None
        self.machine.drop_context(context)
