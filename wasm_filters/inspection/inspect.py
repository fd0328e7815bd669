"""What a module is, without running it: a report for somebody who wonders why it does not load.

Also for modules that would not: then ``problems`` hold everything that is wrong, not just the
first of it. ``notes`` are what loads and still surprises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from wasm_filters.abi import ALLOCATORS, CALLBACKS, AbiVersion, Signature
from wasm_filters.engine.border import Import
from wasm_filters.engine.proposals import PROPOSALS
from wasm_filters.engine.validation import proposals
from wasm_filters.errors import ModuleError
from wasm_filters.hostcalls import HOSTCALLS, WASI_MODULES, find
from wasm_filters.hostcalls.wasi import ERRORS, FIXED
from wasm_filters.inspection.checks import (
    ENVOY,
    NEWEST,
    Problem,
    abi_version,
    problems,
    refused_proposals,
)
from wasm_filters.inspection.effort import bounds
from wasm_filters.inspection.interface import Interface, MemoryType, interface
from wasm_filters.inspection.origin import Origin, origin
from wasm_filters.inspection.sections import Section, SectionsError, function_names, producers
from wasm_filters.inspection.strangers import whose
from wasm_filters.inspection.surprises import surprises
from wasm_filters.module import check_format

T = TypeVar("T")

MAX_MEMORY = 1 << 30  # bytes; Envoy gives no more (proxy-wasm-cpp-host, limits.h)
# in the order in which a host calls them
GROUPS: Mapping[str, tuple[str, ...]] = {
    "start": ("_initialize", "main", "__main_void", "_start", *ALLOCATORS),
    "context": (
        *("proxy_on_context_create", "proxy_on_vm_start", "proxy_validate_configuration"),
        *("proxy_on_configure", "proxy_on_tick", "proxy_on_queue_ready"),
        *("proxy_on_foreign_function", "envoy_on_stats_update"),
        *("proxy_on_log", "proxy_on_done", "proxy_on_delete"),
    ),
    "HTTP": tuple(
        f"proxy_on_{direction}_{part}"
        for direction in ("request", "response")
        for part in ("headers", "body", "trailers", "metadata")
    ),
    "TCP": (
        *("proxy_on_new_connection", "proxy_on_downstream_data", "proxy_on_upstream_data"),
        *("proxy_on_downstream_connection_close", "proxy_on_upstream_connection_close"),
    ),
    "callouts": (
        *("proxy_on_http_call_response", "proxy_on_grpc_receive_initial_metadata"),
        *("proxy_on_grpc_receive", "proxy_on_grpc_receive_trailing_metadata"),
        *("proxy_on_grpc_close", "envoy_on_resolve_dns"),
    ),
}


@dataclass(frozen=True, slots=True)
class Callback:
    """An export that the host calls, and how the ABI has it."""

    name: str
    signature: Signature
    wanted: Signature


@dataclass(frozen=True, slots=True)
class Imported:
    """An import, and what is to be known of it: ``""`` where it is as one expects."""

    wanted: Import
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a module is. ``version`` is None without a marker, and the ABI is then taken for the
    newest. ``names``: how many functions have one, None without a name section. ``proposals`` are
    what it uses of WebAssembly beyond its first version, ``custom`` its custom sections with their
    size in bytes.
    """

    size: int
    sha256: str
    version: AbiVersion | None
    origin: Origin
    callbacks: Mapping[str, tuple[Callback, ...]]
    imports: tuple[Imported, ...]
    memory: str | None
    memory_type: MemoryType | None
    names: int | None
    starts: bool
    proposals: tuple[str, ...]
    custom: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    def loads_in(self, host: str) -> bool:
        """Whether ``host`` (``Envoy``, ``meshloom``) takes it, as far as can be seen from here."""
        return not any(host in problem.by for problem in self.problems)


def inspect(code: bytes, name: str = "module") -> Report:
    """A report on the module ``code``; ``name`` stands in front of an error.

    ModuleError: it is no wasm, a component, or so damaged that its sections can't be told apart.
    """
    try:
        check_format(code)
        shown = interface(code)
    except ModuleError as error:
        raise ModuleError(f"{name}: {error}") from error
    except SectionsError as error:
        raise ModuleError(f"{name}: not a valid wasm module: {error}") from error
    version = abi_version(shown.functions)
    names, damaged = _part(code, shown.section("name"), function_names)
    tools, _ = _part(code, shown.section("producers"), producers)
    used, invalid = _proposals(code)
    found = origin(code, shown, tools or {})
    return Report(
        len(code), hashlib.sha256(code).hexdigest(), version, found,
        _callbacks(shown, version or NEWEST), _imports(shown, version or NEWEST),
        shown.memory, shown.memory_type, names, shown.starts,
        tuple(PROPOSALS[name].label for name in used), _custom(shown),
        (*damaged, *invalid, *refused_proposals(used), *problems(shown), *_memory(shown)),
        tuple(surprises(shown, version or NEWEST)),
    )  # fmt: skip


def _part(
    code: bytes, section: Section | None, read: Callable[[bytes, Section], T]
) -> tuple[T | None, tuple[Problem, ...]]:
    """What a custom section says, or why it says nothing."""
    if section is None:
        return None, ()
    try:
        return read(code, section), ()
    except SectionsError as error:
        message = f"the {section} is damaged ({error}), so Envoy takes the module for damaged"
        return None, (Problem(message, "strip it: wasm-tools strip --all", (ENVOY,)),)


def _proposals(code: bytes) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    try:
        return proposals(code, bounds(code)), ()
    except ModuleError as error:
        advice = "build it anew; a step after the compiler may have broken it"
        return (), (Problem(str(error), advice),)


def _memory(shown: Interface) -> Iterator[Problem]:
    size = shown.memory_type.bytes if shown.memory_type else 0
    if size > MAX_MEMORY:
        message = f"wants {size >> 20} MiB of memory to begin with, at most {MAX_MEMORY >> 20}"
        yield Problem(f"{message} are given", "lower --initial-memory of the linker")


def _callbacks(shown: Interface, version: AbiVersion) -> Mapping[str, tuple[Callback, ...]]:
    known, there = CALLBACKS[version], shown.functions
    groups = {
        group: tuple(
            Callback(name, there[name], known[name])
            for name in names
            if name in there and name in known
        )
        for group, names in GROUPS.items()
    }
    return {group: callbacks for group, callbacks in groups.items() if callbacks}


def _imports(shown: Interface, version: AbiVersion) -> tuple[Imported, ...]:
    return tuple(Imported(one, _note(one, version)) for one in dict.fromkeys(shown.imports))


def _note(wanted: Import, version: AbiVersion) -> str:
    if wanted.kind != "function":
        return f"a {wanted.kind}"
    call = find(wanted.module, wanted.name, version)
    if call is None:
        known = wanted.module == "env" and wanted.name in HOSTCALLS
        return f"not in ABI {version.value}" if known else whose(wanted).owner
    if wanted.signature != call.signature:
        return f"as {wanted.signature}, expected {call.signature}"
    errno = FIXED.get(wanted.name, 0) if wanted.module in WASI_MODULES else 0
    return f"always answers {ERRORS[errno]} ({errno})" if errno else ""


def _custom(shown: Interface) -> tuple[tuple[str, int], ...]:
    return tuple((one.name, one.size) for one in shown.sections if one.id == 0)
