"""Filters in the hands of a Python test: requests in, outcomes out, and the traces of it all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mesh_traffic import Body, Headers, Request, Response
from mesh_traffic.headers import Field
from wasm_filters.config import Mode, PluginConfig
from wasm_filters.http.chain import PATIENCE, HttpChain
from wasm_filters.http.exchange import DEFAULT_LIMIT
from wasm_filters.http.outcome import Outcome
from wasm_filters.machine import Listener
from wasm_filters.module import Module
from wasm_filters.ours import filter_file
from wasm_filters.services.upstream import Answer, Upstream, empty_ok
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.tcp.connection import TcpConnection
from wasm_filters.testing.calls import Calls, together
from wasm_filters.testing.modules import Modules
from wasm_filters.testing.setup import configuration as as_bytes
from wasm_filters.testing.setup import with_length
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

MAX_TRACES = 10  # of one test; the oldest go
Service = Upstream | Response | Answer
Fields = Mapping[str, str] | Sequence[Field]
Configured = tuple[Path | str, PluginConfig]


class FilterUnderTest:
    """One filter, or several in a chain, on a worker of their own.

    ``traces`` tells what crossed the border, for the start and each request: what was done, and
    the trace. ``worker`` has the clock, metrics, shared data and callouts.
    """

    def __init__(
        self, worker: Worker, load: Callable[[Path | str], Module], calls: Calls | None
    ) -> None:
        self.worker = worker
        self.traces: deque[tuple[str, Trace]] = deque(maxlen=MAX_TRACES)
        self.chain = HttpChain(worker, [])
        self.tcp = TcpChain(worker, [])
        self._load = load
        self._calls = calls

    def start(self, plugins: Sequence[Configured], limit: int) -> None:
        """Start the plugins.

        PluginError: one refuses to. GuestStopped: it traps. ModuleError: it can't be loaded.
        """
        self._trace("start")
        started = [self.worker.plugin(self._load(path), config) for path, config in plugins]
        self.chain = HttpChain(self.worker, started, limit)
        self.tcp = TcpChain(self.worker, started, limit)

    def _trace(self, what: str) -> None:
        trace = Trace()
        self.traces.append((what, trace))
        listeners: list[Listener] = [trace] if self._calls is None else [trace, self._calls]
        self.worker.listen(together(listeners))

    def handle(
        self,
        request: Request,
        upstream: Service = empty_ok,
        chunk_size: int | Sequence[int] | None = None,
        patience: float = PATIENCE,
    ) -> Outcome:
        """Send a request as it is, and wait for its end, at most ``patience`` seconds.

        ``upstream`` is a function from request to response, or always the same response.
        """
        self._trace(f"{request.method} {request.path}")
        return self.chain.handle(request, answering(upstream), chunk_size, patience)

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: Fields = (),
        body: bytes | str = b"",
        *,
        authority: str = "localhost",
        trailers: Fields = (),
        upstream: Service = empty_ok,
        chunks: int | Sequence[int] | None = None,
        patience: float = PATIENCE,
    ) -> Outcome:
        """Send a request with what any client adds: the length of its body."""
        data = body.encode() if isinstance(body, str) else body
        fields = with_length(Headers.of(headers), data, bool(trailers))
        whole = Request(method, path, authority, "http", fields, Body(data), Headers.of(trailers))
        return self.handle(whole, upstream, chunks, patience)

    def get(self, path: str = "/", headers: Fields = (), **options: Any) -> Outcome:
        """As :meth:`request`."""
        return self.request("GET", path, headers, **options)

    def post(
        self, path: str = "/", body: bytes | str = b"", headers: Fields = (), **options: Any
    ) -> Outcome:
        """As :meth:`request`."""
        return self.request("POST", path, headers, body, **options)

    def connect(self) -> TcpConnection:
        """A TCP client connects; what happens then is said to the connection."""
        self._trace("a connection")
        return self.tcp.connect()

    def advance(self, seconds: float) -> None:
        """Let time pass: ticks, timeouts and answers that are due happen."""
        self._trace(f"{seconds:g} s pass")
        self.worker.advance(seconds)

    def metric(self, name: str) -> int:
        """A counter's or gauge's value; KeyError if the filter has none of that name."""
        return self.worker.metrics()[name].value

    def shared(self, key: str, vm_id: str = "") -> bytes | None:
        """A value of the shared data."""
        found = self.worker.shared.get(vm_id, key.encode())
        return None if found is None else found[0]


class Filters:
    """Starts filters for one test, and closes them when it is over."""

    def __init__(
        self, folder: Path, mode: Mode, modules: Modules, calls: Calls | None = None
    ) -> None:
        self.started: list[FilterUnderTest] = []
        self._folder = folder
        self._mode = mode
        self._modules = modules
        self._calls = calls

    def __call__(
        self,
        path: Path | str,
        configuration: Any = None,
        *,
        clusters: Mapping[str, Service] | None = None,
        limit: int = DEFAULT_LIMIT,
        **settings: Any,
    ) -> FilterUnderTest:
        """The filter in a file, started and configured.

        ``path`` is relative to the test's folder; ``meshloom:NAME`` is one of ours.

        ``configuration`` is text, or any other value that is sent as JSON. ``clusters`` answer
        callouts. ``limit`` is how many bytes may wait in one direction. ``settings`` are the
        others of :class:`PluginConfig`: ``root_id``, ``vm_id``, ``properties``…

        PluginError: it refuses to start. GuestStopped: it traps. ModuleError: it can't be loaded.
        """
        file = filter_file(path, self._folder)
        name = settings.pop("name", file.stem)
        config = PluginConfig(name, configuration=as_bytes(configuration), **settings)
        return self.chain((file, config), clusters=clusters, limit=limit)

    def chain(
        self,
        *plugins: Configured,
        clusters: Mapping[str, Service] | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> FilterUnderTest:
        """Several filters, in the order in which requests pass them."""
        services = {name: answering(one) for name, one in (clusters or {}).items()}
        worker = Worker(self._mode, clusters=services)
        found = FilterUnderTest(worker, self._module, self._calls)
        self.started.append(found)
        found.start(plugins, limit)
        return found

    def _module(self, path: Path | str) -> Module:
        return self._modules.of(filter_file(path, self._folder))

    def close(self) -> None:
        """Give back the memory of all of them."""
        for one in self.started:
            one.worker.close()

    def traces(self) -> str:
        """What happened to all of them, for people."""
        told = (
            f"{what}\n{trace}" for one in self.started for what, trace in one.traces if str(trace)
        )
        return "\n\n".join(told)


def answering(service: Service) -> Upstream:
    """A function that answers, also for one that always answers the same."""
    if isinstance(service, Response | Answer):
        same = service
        return lambda request: same
    return service
