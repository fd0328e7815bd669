"""``allowed_capabilities``: a plugin that may import and export only what its configuration lists.

Source: proxy-wasm-cpp-host, src/exports.cc and src/wasm.cc (capabilityAllowed).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from wasm_filters.abi import Status
from wasm_filters.hostcalls import WASI, Hostcall
from wasm_filters.state.host import Host

ENOTCAPABLE = 76  # WASI's error number for it


def restricted(calls: Iterable[Hostcall], allowed: frozenset[str]) -> tuple[Hostcall, ...]:
    """The hostcalls with those that are not allowed refusing; all as they are if none is listed."""
    if not allowed:
        return tuple(calls)
    return tuple(call if _is_allowed(call, allowed) else _refusing(call) for call in calls)


def _is_allowed(call: Hostcall, allowed: frozenset[str]) -> bool:
    always = not call.name.startswith("proxy_") and call.name not in WASI
    return always or call.name in allowed


def _refusing(call: Hostcall) -> Hostcall:
    status = ENOTCAPABLE if call.name in WASI else int(Status.INTERNAL_FAILURE)
    return replace(call, function=_refusal(call.name, status))


def _refusal(name: str, status: int) -> Callable[..., int]:
    def refuse(host: Host, *arguments: int) -> int:
        host.warn(f"{name} is not among the plugin's allowed capabilities: refused")
        return status

    return refuse
