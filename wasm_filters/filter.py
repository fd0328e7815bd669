"""A filter under test: load a module once, send requests through it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mesh_traffic import Request
from wasm_filters.border import Limits
from wasm_filters.cache import CompiledCache, default_folder
from wasm_filters.exchange import Exchange, Outcome, Upstream, empty_ok
from wasm_filters.host import Settings
from wasm_filters.module import Module
from wasm_filters.plugin import Listener, Plugin


class Filter:
    """A module as a filter, running on one VM, as on one Envoy worker.

    The request goes in as it is: its header names in lower case, ``:method``, ``:path``,
    ``:authority`` and ``:scheme`` in front. What Envoy's HTTP connection manager adds before a
    filter sees a request (``x-forwarded-proto``, ``x-request-id``) and after it saw a response
    (``date``, ``server``) is not invented here, and ``content-length`` is not corrected: add what
    the filter needs. After a trap the VM is dead, and every request gets a 503
    (``failure_policy: FAIL_CLOSED``, Envoy's default).
    """

    def __init__(
        self,
        module: Module,
        settings: Settings | None = None,
        limits: Limits | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.plugin = Plugin(module, settings or Settings(), limits, listener)

    @classmethod
    def load(
        cls,
        path: Path | str,
        configuration: bytes = b"",
        vm_configuration: bytes = b"",
        settings: Settings | None = None,
        limits: Limits | None = None,
        listener: Listener | None = None,
    ) -> Filter:
        """The filter in the file ``path``, started and configured.

        Its machine code is kept in the user's cache. ModuleError: Envoy would not load it.
        PluginError: it refused a configuration. GuestStopped: it trapped or hung while starting.
        """
        module = Module.load(path, CompiledCache(default_folder()))
        given = replace(
            settings or Settings(), configuration=configuration, vm_configuration=vm_configuration
        )
        return cls(module, given, limits, listener)

    def handle(
        self, request: Request, upstream: Upstream = empty_ok, chunk_size: int | None = None
    ) -> Outcome:
        """Send one request through the filter, and ``upstream``'s response back through it.

        ``chunk_size`` cuts both bodies into pieces of that many bytes; None leaves each whole.
        """
        return Exchange(self.plugin, request, upstream, chunk_size).run()
