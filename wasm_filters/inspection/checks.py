"""Why a module would not load: each problem, in the order in which Envoy would meet it.

Envoy names the first one and stops; here all of them are found. What is refused here and not by
Envoy says so. Source: proxy-wasm-cpp-host, src/wasm.cc (``load``, ``getFunctions``) and
src/v8/v8.cc (``link``), and what Envoy 1.40 was seen to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from wasm_filters.abi import ALLOCATORS, CALLBACKS, AbiVersion, Signature
from wasm_filters.engine.border import Import
from wasm_filters.engine.proposals import PROPOSALS
from wasm_filters.hostcalls import HOSTCALLS, find
from wasm_filters.inspection.strangers import Stranger, whose

ENVOY, HERE = "Envoy", "meshloom"
BOTH = (ENVOY, HERE)
NEWEST = AbiVersion.V0_2_1
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a module would not load, what to do about it, and who refuses it."""

    message: str
    advice: str
    by: tuple[str, ...] = BOTH

    def __str__(self) -> str:
        only = f" ({self.by[0]} alone refuses it)" if self.by == (ENVOY,) else ""
        only = f" (Envoy would take it, {HERE} does not)" if self.by == (HERE,) else only
        return f"{self.message}; {self.advice}{only}"


class Shown(Protocol):
    """What a module shows: compiled, or read from its bytes."""

    @property
    def imports(self) -> tuple[Import, ...]: ...

    @property
    def functions(self) -> Mapping[str, Signature]: ...

    @property
    def memory(self) -> str | None: ...


def printable(text: object, most: int = _MAX_NAME) -> str:
    """A name that somebody else chose, fit for a terminal, of ``most`` characters."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text)
    )
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def abi_version(functions: Iterable[str]) -> AbiVersion | None:
    """Envoy takes the first marker in the order of the exports."""
    markers = {version.marker: version for version in AbiVersion}
    return next((markers[name] for name in functions if name in markers), None)


def looked_up(functions: Mapping[str, Signature], version: AbiVersion) -> Mapping[str, Signature]:
    """The exports that Envoy looks for in this module, and how it wants them."""
    wanted = dict(CALLBACKS[version])
    reactor = "_initialize" in functions
    unseen = {"_start"} if reactor else {"main", "__main_void"}
    if ALLOCATORS[0] in functions:
        unseen.add(ALLOCATORS[1])
    return {name: signature for name, signature in wanted.items() if name not in unseen}


def problems(shown: Shown) -> Iterator[Problem]:
    """Everything that keeps a valid module from loading. Without a marker it is judged by the
    newest ABI."""
    version = abi_version(shown.functions)
    if version is None:
        yield _no_marker(shown.functions)
    yield from _imports(shown.imports, version or NEWEST)
    yield from _exports(shown, version or NEWEST)


def refused_proposals(used: Iterable[str]) -> Iterator[Problem]:
    """What is refused because the module uses more of WebAssembly than is taken."""
    for name in used:
        proposal = PROPOSALS[name]
        taken = {ENVOY: proposal.in_envoy, HERE: proposal.here}
        if by := tuple(who for who, takes in taken.items() if not takes):
            yield Problem(f"uses {proposal.label}", "build it without", by)


def _no_marker(functions: Mapping[str, Signature]) -> Problem:
    claimed = [name for name in functions if name.startswith("proxy_abi_version_")]
    found = printable(claimed[0]) if claimed else "none"
    known = ", ".join(version.marker for version in AbiVersion)
    advice = "build it with a Proxy-Wasm SDK, which exports one"
    if claimed:
        advice = "take the version of the SDK that is made for Envoy"
    return Problem(
        f"no known Proxy-Wasm ABI version: found {found}, expected the export of one of {known}",
        advice,
    )


def _imports(imports: Iterable[Import], version: AbiVersion) -> Iterator[Problem]:
    unknown: dict[Stranger, list[str]] = {}
    for wanted in dict.fromkeys(imports):
        if wanted.kind != "function":
            yield _no_function(wanted)
            continue
        call = find(wanted.module, wanted.name, version)
        if call is not None:
            if wanted.signature != call.signature:
                yield _wrong_import(wanted, call.signature)
        elif wanted.module == "env" and wanted.name in HOSTCALLS:
            yield _other_version(wanted, version)
        else:
            unknown.setdefault(whose(wanted), []).append(printable(wanted))
    for stranger, names in unknown.items():
        verb = "is" if len(names) == 1 else "are"
        message = f"imports {', '.join(sorted(names))}, which {verb} {stranger.owner}"
        yield Problem(message, stranger.advice)


def _no_function(wanted: Import) -> Problem:
    message = f"imports the {wanted.kind} {printable(wanted)}"
    match wanted.kind:
        case "memory":
            return Problem(message, "link without --import-memory", (HERE,))
        case "table":
            return Problem(message, "link without --import-table", (HERE,))
        case "tag":
            return Problem(f"{message}, which crashes Envoy", "define the tag in the module")
    return Problem(message, "define it in the module: a host gives functions only")


def _wrong_import(wanted: Import, signature: Signature) -> Problem:
    return Problem(
        f"imports {wanted} as {wanted.signature}, expected {signature}",
        "take the declaration from an SDK",
    )


def _other_version(wanted: Import, version: AbiVersion) -> Problem:
    versions = sorted(one.value for one in HOSTCALLS[wanted.name].versions)
    return Problem(
        f"imports {wanted}, which ABI {version.value} does not have",
        f"export the marker of {' or '.join(versions)}, and keep to that version",
    )


def _exports(shown: Shown, version: AbiVersion) -> Iterator[Problem]:
    if shown.memory is None and not any(one.kind == "memory" for one in shown.imports):
        yield Problem("exports no memory, which crashes Envoy", "export its memory")
    if not any(name in shown.functions for name in ALLOCATORS):
        yield Problem(
            f"exports no allocator, expected one of {', '.join(ALLOCATORS)}",
            "without one the host can hand nothing over: export malloc from the linker",
        )
    for name, wanted in looked_up(shown.functions, version).items():
        found = shown.functions.get(name)
        if found is not None and found != wanted:
            message = f"{name} has the wrong signature for ABI {version.value}"
            yield Problem(f"{message}: found {found}, expected {wanted}", _by_another(name, found))


def _by_another(name: str, found: Signature) -> str:
    """Which ABI has this callback with that signature."""
    for version in AbiVersion:
        if CALLBACKS[version].get(name) == found:
            return f"that is ABI {version.value}: the SDK and the marker are of different versions"
    return "take the declaration from an SDK"
