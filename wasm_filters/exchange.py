"""One HTTP request through one filter, there and back: what it did is an :class:`Outcome`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.abi import MapType
from wasm_filters.context import Context
from wasm_filters.errors import GuestStopped
from wasm_filters.header_map import INLINE_REQUEST, INLINE_RESPONSE, HeaderMap, Pair
from wasm_filters.host import Log
from wasm_filters.local_reply import local_response
from wasm_filters.plugin import Plugin
from wasm_filters.properties import StreamProperties
from wasm_filters.stream import REQUEST, RESPONSE, Flow, Half

Upstream = Callable[[Request], Response]

_NO_HEADERS = Headers()
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
        self._half: Half | None = None  # the way back, once it began

    def run(self) -> Outcome:
        """Never raises for what the filter does: that is in the outcome."""
        plugin = self._plugin
        hostcalls, warned = plugin.vm.hostcalls, len(plugin.host.warnings)
        if plugin.failure is None:
            self._pass_through()
        else:
            self._response = Response(status=FAILED_STATUS)
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
        context = self._plugin.new_context()
        try:
            self._run(context)
        except GuestStopped:
            self._fail()
            self._plugin.drop_context(context)
            return
        try:
            self._plugin.close_context(context)
            self._plugin.deliver_queues()
        except GuestStopped:  # too late to change what the client got
            self._plugin.drop_context(context)

    def _fail(self) -> None:
        """The client gets a 503, or a broken response if it has the headers already."""
        self._reset = self._half is not None and self._half.headers_passed
        self._response = None if self._reset else Response(status=FAILED_STATUS)

    def _run(self, context: Context) -> None:
        plugin, sent = self._plugin, self._sent
        context.properties = properties = StreamProperties(context, plugin.host.settings.clock)
        plugin.open_context(context)
        chunks, trailers = self._chunks(sent.body.data), sent.trailers.to_bytes()
        half = Half(plugin, context, REQUEST, _as_http1(sent), chunks, trailers)
        logged = {int(MapType.REQUEST_HEADERS): half.headers}
        flow = half.run()
        if flow in (Flow.DONE, Flow.REPLIED):
            response = self._for_method(self._answer(context, half, flow, properties))
            half = self._half = self._way_back(context, response, flow is Flow.REPLIED)
            flow = half.run()
            logged[MapType.RESPONSE_HEADERS] = self._finish(context, half, flow, properties)
        self._paused = half.stopped_at if flow is Flow.PAUSED else ""
        if flow is Flow.CLOSED:
            self._reset = True
            properties.details = properties.details or "wasm_close_stream"
        context.buffers.clear()
        context.logged = logged
        properties.end()

    def _answer(
        self, context: Context, there: Half, flow: Flow, properties: StreamProperties
    ) -> Response:
        """The filter's own reply, or what the upstream answers."""
        reply = context.local_reply
        if flow is Flow.REPLIED and reply is not None:
            self._local_reply = True
            context.local_reply = None
            properties.code, properties.details = reply.status, reply.details
            return local_response(reply, there.headers)
        self._check_length(there, "request")
        self._request = _request(there)
        response = self._upstream(self._request)
        properties.code, properties.details = response.status, "via_upstream"
        return response

    def _way_back(self, context: Context, response: Response, made_here: bool) -> Half:
        chunks = self._chunks(response.body.data)
        fields, trailers = response.fields().to_bytes(), response.trailers.to_bytes()
        return Half(self._plugin, context, RESPONSE, fields, chunks, trailers, made_here)

    def _finish(
        self, context: Context, back: Half, flow: Flow, properties: StreamProperties
    ) -> HeaderMap:
        """What the client gets; the answer is the headers that the log sees."""
        reply = context.local_reply
        if flow is Flow.DONE:
            self._check_length(back, "response")
            self._response = _response(back)
        elif flow is Flow.REPLIED and reply is not None:
            properties.details = reply.details
            if back.headers_passed:  # too late: the client has headers already
                self._reset = True
                return back.headers
            self._local_reply = True  # the filter does not see this one again
            properties.code = reply.status
            self._response = self._for_method(local_response(reply, self._request_map()))
            return HeaderMap(self._response.fields().to_bytes(), INLINE_RESPONSE)
        return back.headers

    def _check_length(self, half: Half, name: str) -> None:
        length = half.headers.get(b"content-length")
        if self._sent.method != "HEAD" and length not in (None, b"%d" % len(half.body)):
            self._plugin.host.warn(
                f"the {name} has {len(half.body)} bytes of body and a content-length of"
                f" {length.decode('latin-1') if length else ''}, which Envoy does not correct:"
                " remove it in the headers callback"
            )

    def _request_map(self) -> HeaderMap:
        return HeaderMap(_as_http1(self._sent), INLINE_REQUEST)

    def _for_method(self, response: Response) -> Response:
        """A HEAD request gets no body, whoever answers."""
        return replace(response, body=Body()) if self._sent.method == "HEAD" else response

    def _chunks(self, body: bytes) -> list[bytes]:
        size = self._chunk_size or max(1, len(body))
        return [body[at : at + size] for at in range(0, len(body), size)]


def _as_http1(request: Request) -> list[Pair]:
    """The fields as Envoy has them after its HTTP/1 codec: ``host`` is ``:authority``."""
    method, path, authority, scheme, *others = request.fields().to_bytes()
    if not authority[1]:
        authority = (b":authority", (request.headers.get("host") or "").encode())
    others = [field for field in others if field[0].lower() != b"host"]
    return [authority, path, method, scheme, *others]


def _request(half: Half) -> Request:
    get = half.headers.get
    return Request(
        method=_text(get(b":method")),
        path=_text(get(b":path")),
        authority=_text(get(b":authority")),
        scheme=_text(get(b":scheme")),
        headers=_ordinary(half.headers),
        body=Body(bytes(half.body)),
        trailers=_ordinary(half.trailers),
    )


def _response(half: Half) -> Response:
    status = _text(half.headers.get(b":status"))
    return Response(
        status=int(status) if status.isdigit() else 0,
        headers=_ordinary(half.headers),
        body=Body(bytes(half.body)),
        trailers=_ordinary(half.trailers),
    )


def _ordinary(fields: HeaderMap) -> Headers:
    if not len(fields):
        return _NO_HEADERS
    return Headers.of_bytes(pair for pair in fields.pairs if pair[0][:1] != b":")


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "surrogateescape")
