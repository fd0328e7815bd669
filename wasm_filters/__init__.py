"""A Proxy-Wasm host: runs Envoy's filters here, without Envoy, as Envoy would.

Floor 1 of the house. The way through it::

    bytes ─ module ─ engine/ ─ machine ─ plugin ─ http/ · tcp/ ─ outcome      there and back
              │                   │         │
              │               hostcalls/  worker (time, VMs, services)
              │                   │
         inspection/          state/ · properties/ · foreign/ · services/     what they act on

A ``Worker`` has what a filter can see of the world, and all of it is fake unless it is given. It
starts plugins; ``HttpChain`` and ``TcpChain`` put them between a client and an upstream; ``Filter``
is one module, ready to be sent requests.

``tracing/`` hears every call, ``recording/`` runs it again, ``fuzzing/`` looks for what breaks a
filter, ``testing/`` is the test kit, ``toolchains/`` build filters from source, ``inspection/``
says what a module is without running it. ``filters/`` holds the sources and builds of our own.
Doors: ``engine/`` to wasmtime, to the disk and to the process that compiles,
``services/real_service.py`` to the network, ``messages.py`` to protobuf, ``foreign/cel.py`` to CEL,
``toolchains/processes.py`` to other programs, ``module.py`` and ``recording/file.py`` to files,
``measure.py`` to the clock. Everything else is plain Python over bytes: no clock, no file, no
network.

The names below are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasm_filters.config import FailurePolicy, Mode, PluginConfig
    from wasm_filters.engine.border import Limits
    from wasm_filters.errors import GuestStopped, ModuleError, PluginError, WasmError
    from wasm_filters.filter import Filter
    from wasm_filters.http.chain import HttpChain
    from wasm_filters.http.codec import Metadata
    from wasm_filters.http.outcome import Outcome
    from wasm_filters.loop import FakeClock, SystemClock
    from wasm_filters.machine import Listener
    from wasm_filters.module import Module
    from wasm_filters.plugin import Plugin
    from wasm_filters.properties.names import Resolved
    from wasm_filters.properties.surroundings import Surroundings, Tls
    from wasm_filters.services.real_service import service_at
    from wasm_filters.services.upstream import NEVER, REFUSED, Answer, no_endpoints
    from wasm_filters.state.shared import SharedState
    from wasm_filters.tcp.chain import TcpChain
    from wasm_filters.tcp.connection import TcpConnection
    from wasm_filters.tracing.trace import Trace
    from wasm_filters.worker import Worker

__all__ = [
    "NEVER",
    "REFUSED",
    "Answer",
    "FailurePolicy",
    "FakeClock",
    "Filter",
    "GuestStopped",
    "HttpChain",
    "Limits",
    "Listener",
    "Metadata",
    "Mode",
    "Module",
    "ModuleError",
    "Outcome",
    "Plugin",
    "PluginConfig",
    "PluginError",
    "Resolved",
    "SharedState",
    "Surroundings",
    "SystemClock",
    "TcpChain",
    "TcpConnection",
    "Tls",
    "Trace",
    "WasmError",
    "Worker",
    "no_endpoints",
    "service_at",
]
_HOMES = {
    "config": ("FailurePolicy", "Mode", "PluginConfig"),
    "engine.border": ("Limits",),
    "errors": ("GuestStopped", "ModuleError", "PluginError", "WasmError"),
    "filter": ("Filter",),
    "http.chain": ("HttpChain",),
    "http.codec": ("Metadata",),
    "http.outcome": ("Outcome",),
    "loop": ("FakeClock", "SystemClock"),
    "machine": ("Listener",),
    "module": ("Module",),
    "plugin": ("Plugin",),
    "properties.names": ("Resolved",),
    "properties.surroundings": ("Surroundings", "Tls"),
    "services.real_service": ("service_at",),
    "services.upstream": ("NEVER", "REFUSED", "Answer", "no_endpoints"),
    "state.shared": ("SharedState",),
    "tcp.chain": ("TcpChain",),
    "tcp.connection": ("TcpConnection",),
    "tracing.trace": ("Trace",),
    "worker": ("Worker",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
