"""One HTTP request through a chain of filters, there and back.

The exchange owns both directions, the local reply that a filter may send, and the end: log, done
and delete of every filter. It takes events (``begin``, and what callouts and timers set off) and
never waits; what has to wait is put on the worker's loop.

Source: envoy, source/common/http/filter_manager.cc and conn_manager_impl.cc.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mesh_traffic import Body, Request, Response, replace
from wasm_filters.abi import MapType, StreamType
from wasm_filters.chunks import cutter
from wasm_filters.http.arrived import Arrived
from wasm_filters.http.codec import NO_METADATA, Metadata, as_http1, with_ends
from wasm_filters.http.direction import REQUEST, RESPONSE
from wasm_filters.http.local_reply import is_grpc, reply_to
from wasm_filters.http.log_view import LogView
from wasm_filters.http.plugin_filter import PluginFilter
from wasm_filters.http.way import Way
from wasm_filters.loop import Loop
from wasm_filters.plugin import Plugin
from wasm_filters.properties import StreamInfo, StreamProperties
from wasm_filters.properties.filter_state import Level
from wasm_filters.properties.stream_info import NO_HEALTHY_UPSTREAM
from wasm_filters.services.upstream import (
    NO_ENDPOINTS,
    NO_ENDPOINTS_BODY,
    NO_ENDPOINTS_DETAILS,
    REFUSED_BODY,
    REFUSED_DETAILS,
    Answer,
    Upstream,
    no_endpoints,
)
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Fields, LocalReply
from wasm_filters.state.header_map import INLINE_NONE, INLINE_REQUEST, INLINE_RESPONSE, HeaderMap

DEFAULT_LIMIT = 1 << 20  # bytes that may wait in one direction: per_connection_buffer_limit_bytes
REQUEST_TOO_LARGE = LocalReply(413, "request_payload_too_large", b"Payload Too Large")
RESPONSE_TOO_LARGE = LocalReply(500, "response_payload_too_large", b"Internal Server Error")
UPSTREAM_CONNECTION_FAILURE = 0x20  # Envoy's response flags
NO_ROUTE_FOUND = 0x100
DOWNSTREAM_TERMINATION = 0x4000
REFUSED_REPLY = LocalReply(503, REFUSED_DETAILS, REFUSED_BODY)
NO_ENDPOINTS_REPLY = LocalReply(503, NO_ENDPOINTS_DETAILS, NO_ENDPOINTS_BODY)
NO_ROUTE_REPLY = LocalReply(404, "route_not_found")


class Exchange:
    """The state of one request on its way. ``request`` and ``response`` are its two directions.

    ``chunks`` are the pieces in which the request's body comes in. ``connection`` is the filter
    state of the connection that it comes over. ``done`` when everything about
    it is over; ``has_reset`` when the client got no whole response.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        sent: Request,
        upstream: Upstream,
        loop: Loop,
        chunks: Callable[[bytes], list[bytes]],
        limit: int = DEFAULT_LIMIT,
        connection: Level | None = None,
        metadata: Metadata = NO_METADATA,
    ) -> None:
        self.sent = sent
        self.loop = loop
        self.done = False
        self.has_reset = False
        self.replied: LocalReply | None = None
        self.details = ""
        self.code: int | None = None
        self.info = StreamInfo.begin(loop.clock, connection)
        self.to_upstream = Arrived(self._request_arrived, began=self._routed)
        self.to_client = Arrived(self._response_arrived, self._count_sent)
        self._warn = plugins[0].host.warn if plugins else lambda message: None
        self._spec = bool(plugins) and plugins[0].host.spec  # the worker's mode
        self.filters = self._filters(plugins)
        self.request = Way(REQUEST, list(self.filters), self.to_upstream, self, limit)
        self.response = Way(RESPONSE, self.filters[::-1], self.to_client, self, limit)
        self._upstream = upstream
        self._metadata = metadata
        self._chunks = chunks
        self._pieces: deque[tuple[bytes, bool]] = deque()
        self._back: deque[tuple[bytes, bool]] = deque()
        self._answer: Response | None = None
        self._prepared: LocalReply | None = None
        self._stopped = False  # a local reply ends the request's iteration
        self._finished = False  # the client has its response
        self._feeding = False
        self._grpc = False
        self._bodiless = False  # the upstream was asked by HEAD, and answers without a body

    def _filters(self, plugins: Sequence[Plugin]) -> list[PluginFilter]:
        found: list[PluginFilter] = []
        for plugin in plugins:
            one = PluginFilter(plugin, self, len(found))
            context = one.context
            if context is not None:
                context.properties = StreamProperties(
                    context, self.loop.clock, self.info, surroundings=plugin.surroundings
                )
            if context is not None or not plugin.passes_when_dead:
                found.append(one)
        return found

    # the request comes in

    def begin(self) -> None:
        """Send the request into the filters."""
        sent = self.sent
        fields = HeaderMap(as_http1(sent), INLINE_NONE if self._spec else INLINE_REQUEST)
        self._grpc = is_grpc(fields.first(b"content-type"))
        trailers = bool(sent.trailers)
        self._pieces.extend(with_ends(self._chunks(sent.body.data), trailers))
        self._feeding = True
        self.request.start(fields, not self._pieces and not trailers)
        for each in self._metadata.request:
            self.request.note(len(each))
        self._feed()

    def _feed(self) -> None:
        """Send in what the sender has, as long as nobody makes it wait."""
        self._feeding = True
        request = self.request
        while self._pieces and not request.is_full:
            data, ends = self._pieces.popleft()
            self.info.received += len(data)
            request.more(Buffer(data, mutable=True), ends)
        if not self._pieces and self.sent.trailers and request.trailers is None:
            request.finish(HeaderMap(self.sent.trailers.to_bytes()))
        self._feeding = False
        self.loop.catch_up()  # what is due comes before the network answers
        if self.to_upstream.is_there:
            self._ask_upstream()

    def _routed(self) -> None:
        """The router has the request's headers, and chooses a host, if there is a route."""
        if self.filters and self.filters[0].plugin.surroundings.route_name is None:
            self.info.flags |= NO_ROUTE_FOUND
            self.send_local_reply(NO_ROUTE_REPLY)
        elif self._upstream is no_endpoints:
            self._respond(NO_ENDPOINTS)
        else:
            self.info.routed = self.loop.clock()

    def _request_arrived(self) -> None:
        """The upstream has the whole request; it answers when all callbacks have returned."""
        self._check_length(self.to_upstream, "request")
        if not self._feeding:
            self.loop.after(0, self._ask_upstream)

    # the response comes back

    def _ask_upstream(self) -> None:
        if self.over(self.request) or self.code is not None:
            return
        request = self.to_upstream.request()
        self._bodiless = request.method == "HEAD"
        answer = self._upstream(request)
        if isinstance(answer, Response):
            self._start_response(answer, self._chunks)
        elif answer.after:
            self.loop.after(answer.after, lambda: self._respond(answer))
        else:
            self._respond(answer)

    def _respond(self, answer: Answer) -> None:
        if self.over(self.request):
            return
        if answer.refused:
            self.info.flags |= UPSTREAM_CONNECTION_FAILURE
            self.send_local_reply(REFUSED_REPLY)
        elif answer.no_endpoints:
            self.info.flags |= NO_HEALTHY_UPSTREAM
            self.send_local_reply(NO_ENDPOINTS_REPLY)
        elif answer.response is not None:
            size = answer.chunk_size
            self._start_response(answer.response, self._chunks if size is None else cutter(size))

    def _start_response(self, response: Response, chunks: Callable[[bytes], list[bytes]]) -> None:
        head = self._bodiless
        self._tell(response.status, "via_upstream")
        pairs = response.headers.to_bytes()
        pairs.insert(0, (b":status", b"%d" % response.status))
        fields = HeaderMap(pairs, INLINE_NONE if self._spec else INLINE_RESPONSE)
        if fields.first(b"keep-alive") is not None:
            fields.remove(b"keep-alive")  # it is about the upstream's connection
        trailers = bool(response.trailers) and not head
        pieces = with_ends([] if head else chunks(response.body.data), trailers)
        self._answer = response
        self._back.extend(pieces)
        if not pieces and not trailers:
            self._answered()
        self.response.start(fields, not pieces and not trailers)
        for each in self._metadata.response:
            self.response.note(len(each))
        self._feed_back()

    def _feed_back(self) -> None:
        """Send in what the upstream has, as long as nobody makes it wait."""
        way, answer = self.response, self._answer
        while self._back and not way.is_full:
            data, ends = self._back.popleft()
            if ends:
                self._answered()
            way.more(Buffer(data, mutable=True), ends)
        trailers = answer.trailers if answer is not None and not self._bodiless else None
        if not self._back and trailers and way.trailers is None:
            self._answered()
            way.finish(HeaderMap(trailers.to_bytes()))

    def _answered(self) -> None:
        """The last of the upstream's response is there."""
        self.info.answered = self.loop.clock()

    def _count_sent(self, size: int) -> None:
        self.info.sent += size

    def _response_arrived(self) -> None:
        self._check_length(self.to_client, "response")
        self._finished = True
        self._finish()

    def _check_length(self, arrived: Arrived, name: str) -> None:
        length = arrived.fields.first(b"content-length") if arrived.fields is not None else None
        if length is None or self.sent.method == "HEAD" or length == b"%d" % len(arrived.body):
            return
        self._warn(
            f"the {name} has {len(arrived.body)} bytes of body and a content-length of"
            f" {length.decode('latin-1')}, which Envoy does not correct:"
            " remove it in the headers callback"
        )

    # a filter answers, or ends it

    def send_local_reply(self, reply: LocalReply) -> None:
        """Answer instead of the upstream: through the filters, past them, or by a reset.

        Through all filters if no response has come yet; past them if one is on its way and the
        client has none of it; a reset if the client has some of it.
        """
        if self.is_over:
            return
        started = self.code is not None
        if not started:
            self._stopped = True
            if self._prepared is None:
                self._prepared = reply
                if not self.request.calling:
                    self._send_prepared()
            return
        if self.to_client.fields is not None:
            self._tell(self.code, reply.details)
            self.has_reset = True
            self._finish()
            return
        fields, body = self._replied_with(reply)
        self.response.headers = fields
        self.to_client.take(fields, body)

    def _send_prepared(self) -> None:
        reply, self._prepared = self._prepared, None
        if reply is None:
            return
        fields, body = self._replied_with(reply)
        self.response.start(fields, not body)
        if body and not self._finished:
            self.response.more(Buffer(body, mutable=True), True)

    def _replied_with(self, reply: LocalReply) -> tuple[HeaderMap, bytes]:
        """The message that the client gets as this reply, which is now the exchange's."""
        self._tell(reply.status, reply.details)
        self.replied = reply
        return reply_to(reply, self._grpc, self.sent.method == "HEAD")

    def reset(self, details: str) -> None:
        """End it without a response."""
        if self.is_over:
            return
        self._tell(self.code, self.details or details)
        self.has_reset = True
        self._finish()

    def resume(self, stream: StreamType, at: int) -> None:
        """The filter at ``at`` lets a direction go on, and the sender, if it had to wait."""
        if stream is StreamType.REQUEST:
            self.request.resume(self.request.stages[at])
            if self._pieces:
                self.loop.after(0, self._feed)
        else:
            self.response.resume(self.response.stages[len(self.filters) - 1 - at])
            if self._back:
                self.loop.after(0, self._feed_back)

    # what the ways ask

    @property
    def is_over(self) -> bool:
        """The client has all that it gets."""
        return self.done or self.has_reset or self._finished

    def over(self, way: Way) -> bool:
        return self.is_over or (way is self.request and self._stopped)

    def aborted(self, way: Way) -> bool:
        if way is self.request and self._stopped:
            self._send_prepared()
            return True
        return self.is_over

    def too_much(self, way: Way) -> None:
        self.send_local_reply(REQUEST_TOO_LARGE if way is self.request else RESPONSE_TOO_LARGE)

    def _tell(self, code: int | None, details: str) -> None:
        """What the filters may read as properties from now on."""
        self.code, self.details = code, details
        self.info.code, self.info.details = code, details

    # the end

    def _finish(self) -> None:
        """Log, then done and delete: when no callback of it runs any more."""
        if self.done:
            return
        if self.request.calling or self.response.calling:
            self.loop.after(0, self._finish)
            return
        self.done = True
        self.info.ended = self.loop.clock()
        logged = self._logged()
        for one in self.filters:
            if self._spec:
                one.done_and_log(logged)
            else:
                one.log(logged)
        for one in self.filters:
            one.delete()

    def _logged(self) -> Fields:
        """What can be read in ``proxy_on_log``."""
        found: dict[int, HeaderMap] = {MapType.REQUEST_HEADERS: self.request.headers}
        if self.code is not None:
            found[MapType.RESPONSE_HEADERS] = self.response.headers
            if self.response.trailers is not None:
                found[MapType.RESPONSE_TRAILERS] = self.response.trailers
        if self._spec and self.request.trailers is not None:
            found[MapType.REQUEST_TRAILERS] = self.request.trailers
        if self._spec:
            return found
        return LogView(found, self.info.ended or 0, early=not self.request.complete)

    def received(self) -> Response | None:
        """What the client got; None if it is not all there. A HEAD request gets no body, whatever
        the filters let through."""
        if not self.to_client.complete or self.has_reset:
            return None
        response = self.to_client.response()
        return replace(response, body=Body()) if self.sent.method == "HEAD" else response

    def give_up(self) -> None:
        """The client goes away."""
        if not self.done:
            self.info.flags |= DOWNSTREAM_TERMINATION
            self._tell(self.code, self.details or "downstream_remote_disconnect")
            self.has_reset = True
            self._finish()

    @property
    def paused(self) -> str:
        """The callback that nobody resumed; "" if none is waited for."""
        ways = [self.request] if self.code is None else [self.response]
        stopped = (stage for way in ways for stage in way.stages if stage.state)
        return next((stage.stopped_at for stage in stopped), "")
