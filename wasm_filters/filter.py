"""A filter under test: load a module once, send requests through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mesh_traffic import Request
from wasm_filters.config import PluginConfig
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.http.chain import PATIENCE, HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.ours import filter_file
from wasm_filters.services.upstream import Upstream, empty_ok
from wasm_filters.worker import Worker


class Filter:
    """One module as an HTTP filter, on a worker of its own unless one is given.

    The request goes in as it is: its header names in lower case, ``:method``, ``:path``,
    ``:authority`` and ``:scheme`` in front. What Envoy's HTTP connection manager adds before a
    filter sees a request (``x-forwarded-proto``, ``x-request-id``) and after it saw a response
    (``date``, ``server``) is not invented here, and ``content-length`` is not corrected: add what
    the filter needs.
    """

    def __init__(
        self, module: Module, config: PluginConfig | None = None, worker: Worker | None = None
    ) -> None:
        self.worker = worker or Worker()
        self.plugin = self.worker.plugin(module, config)
        self.chain = HttpChain(self.worker, [self.plugin])

    @classmethod
    def load(
        cls,
        path: Path | str,
        configuration: bytes = b"",
        config: PluginConfig | None = None,
        worker: Worker | None = None,
    ) -> Filter:
        """The filter in the file ``path`` (``meshloom:NAME`` is one of ours), started, configured.

        Its machine code is kept in the user's cache. ModuleError: Envoy would not load it.
        PluginError: it refused a configuration. GuestStopped: it trapped or hung while starting.
        """
        module = Module.load(filter_file(path), CompiledCache.default())
        given = config or PluginConfig()
        if configuration:
            given = replace(given, configuration=configuration)
        return cls(module, given, worker)

    def handle(
        self,
        request: Request,
        upstream: Upstream = empty_ok,
        chunk_size: int | Sequence[int] | None = None,
        patience: float = PATIENCE,
    ) -> Outcome:
        """Send one request through the filter, and ``upstream``'s response back through it.

        ``chunk_size`` and ``patience``: as for :meth:`HttpChain.handle`.
        """
        return self.chain.handle(request, upstream, chunk_size, patience)
