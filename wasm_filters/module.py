"""A Proxy-Wasm module: bytes that are checked as Envoy checks them when it loads a filter.

What is refused here, Envoy refuses too; the difference is that here one line says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wasm_filters.abi import ALLOCATORS, CALLBACKS, AbiVersion
from wasm_filters.border import Import
from wasm_filters.cache import CompiledCache
from wasm_filters.errors import ModuleError
from wasm_filters.hostcalls import Hostcall, find
from wasm_filters.vm import Compiled, compile_module

_MAGIC = b"\0asm"
_MODULE = b"\x01\0\0\0"
_COMPONENT = b"\x0d\0\x01\0"
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Module:
    """A module that loads. ``hostcalls`` answer its imports, in their order."""

    name: str
    version: AbiVersion
    compiled: Compiled
    hostcalls: tuple[Hostcall, ...]

    @classmethod
    def load(cls, path: Path | str, cache: CompiledCache | None = None) -> Module:
        """The module in a file; ModuleError if it can't be read or Envoy would not load it."""
        try:
            code = Path(path).read_bytes()
        except OSError as error:
            raise ModuleError(f"{path}: can't be read: {error.strerror or error}") from error
        return cls.of(code, str(path), cache)

    @classmethod
    def of(cls, code: bytes, name: str = "module", cache: CompiledCache | None = None) -> Module:
        """The module ``code``; ``name`` stands in front of each error."""
        try:
            _check_format(code)
            compiled = compile_module(code, cache)
            version = _abi_version(compiled)
            _check_exports(compiled, version)
            return cls(name, version, compiled, _hostcalls(compiled, version))
        except ModuleError as error:
            raise ModuleError(f"{name}: {error}") from error.__cause__

    @property
    def allocator(self) -> str:
        """The export that gives memory to the host."""
        return next(name for name in ALLOCATORS if name in self.compiled.functions)


def _check_format(code: bytes) -> None:
    if code[:4] != _MAGIC:
        found = "an empty file" if not code else f"{code[:4]!r}"
        hint = " (WebAssembly text: build it with wat2wasm)" if code.lstrip()[:1] == b"(" else ""
        raise ModuleError(f"not a wasm module: starts with {found}, expected {_MAGIC!r}{hint}")
    if code[4:8] == _COMPONENT:
        raise ModuleError(
            "a wasm component, expected a core module: build for wasm32-wasip1, not wasip2"
        )
    if code[4:8] != _MODULE:
        raise ModuleError(f"wasm version {code[4:8]!r}, expected {_MODULE!r}")
    if len(code) > MAX_BYTES:
        raise ModuleError(f"{len(code)} bytes, expected at most {MAX_BYTES}")


def _abi_version(compiled: Compiled) -> AbiVersion:
    """Envoy takes the first marker in the order of the exports."""
    markers = {version.marker: version for version in AbiVersion}
    for name in compiled.functions:
        if name in markers:
            return markers[name]
    claimed = [name for name in compiled.functions if name.startswith("proxy_abi_version_")]
    found = f"{claimed[0]}" if claimed else "none"
    raise ModuleError(
        f"no known Proxy-Wasm ABI version: found {found}, expected the export of one of"
        f" {', '.join(markers)}"
    )


def _check_exports(compiled: Compiled, version: AbiVersion) -> None:
    for name, wanted in CALLBACKS[version].items():
        found = compiled.functions.get(name)
        if found is not None and found != wanted:
            raise ModuleError(
                f"{name} has the wrong signature for ABI {version.value}:"
                f" found {found}, expected {wanted}"
            )
    if compiled.memory is None:
        raise ModuleError("exports no memory")
    if not any(name in compiled.functions for name in ALLOCATORS):
        raise ModuleError(f"exports no allocator, expected one of {', '.join(ALLOCATORS)}")


def _hostcalls(compiled: Compiled, version: AbiVersion) -> tuple[Hostcall, ...]:
    answered = [(wanted, find(wanted.module, wanted.name, version)) for wanted in compiled.imports]
    if unknown := [str(wanted) for wanted, call in answered if call is None]:
        raise ModuleError(
            f"imports what ABI {version.value} does not have: {', '.join(sorted(unknown))}"
        )
    calls = tuple((wanted, call) for wanted, call in answered if call is not None)
    for problem in _wrong_imports(calls):
        raise ModuleError(problem)
    return tuple(call for _, call in calls)


def _wrong_imports(calls: tuple[tuple[Import, Hostcall], ...]) -> Iterator[str]:
    for wanted, call in calls:
        if wanted.signature != call.signature:
            found = wanted.signature or "no function"
            yield f"imports {wanted} as {found}, expected {call.signature}"
