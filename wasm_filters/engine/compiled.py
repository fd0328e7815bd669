"""A module in machine code: compiled, or taken from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import wasmtime

from wasm_filters.abi import Signature
from wasm_filters.engine.apart import COMPILE, Bounds, run_apart
from wasm_filters.engine.border import Import
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.engine.library import engine
from wasm_filters.errors import ModuleError, one_line

_KINDS = {"i32": "i", "i64": "I", "f32": "f", "f64": "F"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module in machine code: what it imports, in order, and its exported functions.

    ``memory`` is the export that is its memory; of several the last, as in Envoy.
    """

    imports: tuple[Import, ...]
    functions: Mapping[str, Signature]
    memory: str | None
    _module: Any


def compile_module(
    code: bytes, cache: CompiledCache | None = None, bounds: Bounds | None = None
) -> Compiled:
    """Compile ``code``, or take it from ``cache``; ModuleError if it is not valid wasm.

    With ``bounds`` it is compiled in a process of its own, and refused if that takes more. Without
    it takes what it takes: that is for modules whose size says enough.
    """
    key = f"{hashlib.sha256(code).hexdigest()}-wasmtime{version('wasmtime')}"
    stored = cache.get(key) if cache else None
    module = _load(stored) if stored else None
    if module is None:
        made = run_apart(COMPILE, code, bounds) if bounds else machine_code(code)
        module = wasmtime.Module.deserialize(engine(), made)
        if cache:
            cache.put(key, made)
    return _described(module)


def machine_code(code: bytes) -> bytes:
    """What ``code`` becomes, as this machine and this build of wasmtime have it. ModuleError."""
    try:
        return bytes(wasmtime.Module(engine(), code).serialize())
    except wasmtime.WasmtimeError as error:
        raise ModuleError(f"not a valid wasm module: {one_line(error)}") from error


def _load(stored: bytes) -> wasmtime.Module | None:
    try:
        return wasmtime.Module.deserialize(engine(), stored)
    except wasmtime.WasmtimeError:
        return None  # from another CPU or build: compiled again, and stored again


def _described(module: wasmtime.Module) -> Compiled:
    imports = tuple(
        Import(i.module, i.name or "", _signature(i.type), _kind(i.type)) for i in module.imports
    )
    functions: dict[str, Signature] = {}
    memory = None
    for export in module.exports:
        signature = _signature(export.type)
        if signature is not None:
            functions[export.name] = signature
        elif isinstance(export.type, wasmtime.MemoryType):
            memory = export.name
    return Compiled(imports, functions, memory, module)


def _signature(kind: object) -> Signature | None:
    if not isinstance(kind, wasmtime.FuncType):
        return None
    params = "".join(_KINDS.get(str(value), "?") for value in kind.params)
    return Signature(params, "".join(_KINDS.get(str(value), "?") for value in kind.results))


def _kind(kind: object) -> str:
    return type(kind).__name__.removesuffix("Type").replace("Func", "Function").lower()
