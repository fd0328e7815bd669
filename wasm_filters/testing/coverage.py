"""Which callbacks and hostcalls of a module the tests have reached, and which not.

Counted are the callbacks that a test can reach at all, and the hostcalls of the ABI that the module
imports. An SDK exports every callback there is; one that needs a hostcall which the module does
not import (``proxy_on_tick`` without setting a tick) can't come, nor can those of network filters
in a filter that is tested by requests: these are listed apart. The imports that a language's
runtime brings (WASI) are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wasm_filters.abi import CALLBACKS, Status
from wasm_filters.hostcalls import HOSTCALLS
from wasm_filters.module import Module
from wasm_filters.testing.calls import Counts

_GRPC = ("proxy_grpc_call", "proxy_grpc_stream")
NEEDS: Mapping[str, tuple[str, ...]] = {  # one of these hostcalls
    "proxy_on_tick": ("proxy_set_tick_period_milliseconds",),
    "proxy_on_queue_ready": ("proxy_register_shared_queue",),
    "proxy_on_http_call_response": ("proxy_http_call",),
    "proxy_on_grpc_receive_initial_metadata": _GRPC[1:],
    "proxy_on_grpc_receive_trailing_metadata": _GRPC[1:],
    "proxy_on_grpc_receive": _GRPC,
    "proxy_on_grpc_close": _GRPC,
}
NETWORK = frozenset(
    {
        "proxy_on_new_connection", "proxy_on_downstream_data", "proxy_on_upstream_data",
        "proxy_on_downstream_connection_close", "proxy_on_upstream_connection_close",
    }
)  # fmt: skip
HTTP = frozenset(
    f"proxy_on_{way}_{part}"
    for way in ("request", "response")
    for part in ("headers", "body", "trailers")
)
# what Envoy never calls, and HTTP/2's METADATA, which tests do not send
OTHERS = frozenset(
    {
        "proxy_on_foreign_function", "proxy_validate_configuration",
        "proxy_on_request_metadata", "proxy_on_response_metadata",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coverage:
    """What tests reached of one module: how often each callback and hostcall was called.

    ``statuses`` tell how often each hostcall gave each answer; ``out_of_reach`` are callbacks that
    no test can reach.
    """

    module: str
    callbacks: Mapping[str, int]
    hostcalls: Mapping[str, int]
    statuses: Mapping[str, Mapping[str, int]]
    out_of_reach: tuple[str, ...]

    @property
    def reached(self) -> int:
        return sum(bool(count) for count in (*self.callbacks.values(), *self.hostcalls.values()))

    @property
    def total(self) -> int:
        return len(self.callbacks) + len(self.hostcalls)

    @property
    def percent(self) -> float:
        return 100 * self.reached / self.total if self.total else 100.0

    def as_json(self) -> dict[str, Any]:
        return {
            "module": self.module,
            "percent": round(self.percent, 1),
            "callbacks": dict(self.callbacks),
            "hostcalls": dict(self.hostcalls),
            "statuses": {name: dict(counts) for name, counts in self.statuses.items()},
            "out_of_reach": list(self.out_of_reach),
        }


def coverage(module: Module, counts: Counts) -> Coverage:
    """What ``counts`` are of what ``module`` has."""
    imported = {call.name for call in module.hostcalls}
    known = [name for name in CALLBACKS[module.version] if name.startswith("proxy_")]
    exported = [name for name in known if name in module.compiled.functions]
    exported = [name for name in exported if name != "proxy_on_memory_allocate"]
    is_network = not NETWORK.isdisjoint(counts.callbacks)
    is_http = not is_network or not HTTP.isdisjoint(counts.callbacks)
    others = OTHERS | (frozenset() if is_network else NETWORK) | (frozenset() if is_http else HTTP)
    reachable = [n for n in exported if n not in others and _is_set_off(n, imported)]
    calls = sorted(name for name in imported if name in HOSTCALLS and name.startswith("proxy_"))
    return Coverage(
        module.name,
        {name: counts.callbacks[name] for name in reachable},
        {name: counts.hostcalls[name] for name in calls},
        {name: answers for name in calls if (answers := _answers(name, counts))},
        tuple(name for name in exported if name not in reachable),
    )


def _is_set_off(name: str, imported: Iterable[str]) -> bool:
    return name not in NEEDS or not set(NEEDS[name]).isdisjoint(imported)


def _answers(name: str, counts: Counts) -> dict[str, int]:
    """How often a hostcall gave each answer, by the answer's name."""
    found = sorted((status, n) for (call, status), n in counts.statuses.items() if call == name)
    return {Status(status).name.lower(): n for status, n in found}


def text(found: Coverage) -> str:
    """For people: what was reached and how it was answered, and what was not."""
    lines = [f"{found.module}   {found.reached} of {found.total} reached   {found.percent:.0f} %"]
    for kind, calls in (("callbacks", found.callbacks), ("hostcalls", found.hostcalls)):
        reached = {name: count for name, count in calls.items() if count}
        lines.append(f"  {kind}   {len(reached)} of {len(calls)}")
        lines += [f"    {count:>6} {name}{_said(found, name)}" for name, count in reached.items()]
        lines += [f"     never {name}" for name in calls if name not in reached]
    if found.out_of_reach:
        lines.append(f"  not counted   {len(found.out_of_reach)} callbacks that can't come here")
    return "\n".join(lines)


def _said(found: Coverage, name: str) -> str:
    """How a hostcall was answered, unless it was always OK."""
    answers = found.statuses.get(name, {})
    if set(answers) <= {"ok"}:
        return ""
    said = (f"{count} {status.replace('_', ' ')}" for status, count in answers.items())
    return f"   {', '.join(said)}"
