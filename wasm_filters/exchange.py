"""One HTTP request through one filter, there and back: what it did is an :class:`Outcome`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.abi import MapType
from wasm_filters.context import Context
from wasm_filters.errors import GuestStopped
from wasm_filters.header_map import HeaderMap, Pair
from wasm_filters.host import Log
from wasm_filters.local_reply import local_response
from wasm_filters.plugin import Plugin
from wasm_filters.properties import StreamProperties
from wasm_filters.stream import REQUEST, RESPONSE, Flow, Half

Upstream = Callable[[Request], Response]

FAILED_STATUS = 503  # what Envoy answers when a filter's VM died


def empty_ok(request: Request) -> Response:
    """The upstream by default: 200 and nothing else, so that the filter's own work shows."""
    return Response(status=200)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    ``request`` is what the upstream saw, None if it saw none. ``response`` is what the client
    gets, None if it gets nothing: the filter paused and nobody resumes it (``paused`` names the
    callback), or it ``reset`` the stream. ``failure`` says why the VM died, now or before.
    ``warnings`` tell what the filter's author might not expect. ``hostcalls`` counts them.
    """

    request: Request | None
    response: Response | None
    logs: tuple[Log, ...] = ()
    local_reply: bool = False
    paused: str = ""
    reset: bool = False
    failure: GuestStopped | None = None
    warnings: tuple[str, ...] = ()
    hostcalls: int = 0

    @property
    def status(self) -> int | None:
        """The status that the client sees."""
        return self.response.status if self.response else None


class Exchange:
    """The state of one request on its way. Run it once."""

    def __init__(
        self, plugin: Plugin, request: Request, upstream: Upstream, chunk_size: int | None
    ) -> None:
        self._plugin = plugin
        self._sent = request
        self._upstream = upstream
        self._chunk_size = chunk_size
        self._request: Request | None = None
        self._response: Response | None = None
        self._local_reply = False
        self._paused = ""
        self._reset = False

    def run(self) -> Outcome:
        """Never raises for what the filter does: that is in the outcome."""
        plugin = self._plugin
        hostcalls, warned = plugin.vm.hostcalls, len(plugin.host.warnings)
        if plugin.failure is None:
            self._pass_through()
        if plugin.failure is not None:
            self._response, self._paused, self._reset = Response(status=FAILED_STATUS), "", False
        logs = tuple(plugin.host.logs)
        plugin.host.logs.clear()
        return Outcome(
            request=self._request,
            response=self._response,
            logs=logs,
            local_reply=self._local_reply,
            paused=self._paused,
            reset=self._reset,
            failure=plugin.failure,
            warnings=tuple(plugin.host.warnings[warned:]),
            hostcalls=plugin.vm.hostcalls - hostcalls,
        )

    def _pass_through(self) -> None:
        """The dead VM of a trapped filter hears nothing more, not even the log."""
        try:
            context = self._plugin.open_context()
        except GuestStopped:
            return
        try:
            self._run(context)
            self._plugin.close_context(context)
            self._plugin.deliver_queues()
        except GuestStopped:
            self._plugin.drop_context(context)

    def _run(self, context: Context) -> None:
        properties = StreamProperties(context, self._plugin.host.settings.clock())
        context.properties = properties
        sent = self._sent
        fields = sent.fields().to_bytes()
        chunks, trailers = self._chunks(sent.body.data), sent.trailers.to_bytes()
        there = Half(self._plugin, context, REQUEST, fields, chunks, trailers)
        logged = {MapType.REQUEST_HEADERS: there.headers}
        flow = there.run()
        if flow in (Flow.DONE, Flow.REPLIED):
            back = self._back(context, there, flow)
            flow = back.run()
            properties.code = self._finish(context, back, flow)
            logged[MapType.RESPONSE_HEADERS] = back.headers
            there = back
        self._paused = there.stopped_at if flow is Flow.PAUSED else ""
        self._reset = self._reset or flow is Flow.CLOSED
        _end(context, logged)

    def _back(self, context: Context, there: Half, flow: Flow) -> Half:
        """The way back: of the filter's own reply, or of what the upstream answers."""
        if flow is Flow.REPLIED and context.local_reply is not None:
            self._local_reply = True
            response = local_response(context.local_reply, there.headers)
            context.local_reply = None
        else:
            self._request = _request(there)
            response = self._upstream(self._request)
        chunks = self._chunks(response.body.data)
        fields, trailers = response.fields().to_bytes(), response.trailers.to_bytes()
        return Half(self._plugin, context, RESPONSE, fields, chunks, trailers, flow is Flow.REPLIED)

    def _finish(self, context: Context, back: Half, flow: Flow) -> int | None:
        """What the client gets; the answer is its status."""
        if flow is Flow.DONE:
            self._response = self._without_body_for_head(_response(back))
        elif flow is Flow.REPLIED and context.local_reply is not None:
            if back.headers_passed:  # too late: the client has headers already
                self._reset = True
            else:  # the filter does not see this one again
                self._local_reply = True
                direct = local_response(context.local_reply, HeaderMap(_fields(self._sent)))
                self._response = self._without_body_for_head(direct)
        return self._response.status if self._response else None

    def _without_body_for_head(self, response: Response) -> Response:
        if self._sent.method != "HEAD":
            return response
        return Response(response.status, response.headers, Body(), response.trailers)

    def _chunks(self, body: bytes) -> list[bytes]:
        size = self._chunk_size or max(1, len(body))
        return [body[at : at + size] for at in range(0, len(body), size)]


def _fields(request: Request) -> list[Pair]:
    return request.fields().to_bytes()


def _end(context: Context, logged: dict[MapType, HeaderMap]) -> None:
    """From here on, headers can be read only (``proxy_on_log``)."""
    context.maps.clear()
    context.buffers.clear()
    context.logged = {int(kind): fields for kind, fields in logged.items()}


def _request(half: Half) -> Request:
    headers, trailers = _headers(half.headers.pairs), _headers(half.trailers.pairs)
    return Request.of_fields(headers, Body(bytes(half.body)), trailers)


def _response(half: Half) -> Response:
    headers, trailers = _headers(half.headers.pairs), _headers(half.trailers.pairs)
    return Response.of_fields(headers, Body(bytes(half.body)), trailers)


def _headers(pairs: Sequence[Pair]) -> Headers:
    return Headers.of_bytes(pairs)
