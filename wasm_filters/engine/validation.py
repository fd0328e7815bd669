"""Door to wasmtime's validator: whether a module is valid, and what it uses. It runs nothing."""

from __future__ import annotations

import json
from functools import cache

import wasmtime

from wasm_filters.engine.apart import VALIDATE, Bounds, run_apart
from wasm_filters.engine.proposals import LEGACY_EXCEPTIONS, PROPOSALS
from wasm_filters.errors import ModuleError, one_line


def proposals(code: bytes, bounds: Bounds | None = None) -> tuple[str, ...]:
    """What ``code`` uses of WebAssembly beyond its first version; ModuleError if it is not valid.

    Found by validating it with one proposal switched off at a time, so it is never a guess. The
    exceptions of before the standard are a proposal that can't be switched on here: if they are
    used, nothing more is known. With ``bounds`` it is done in a process of its own.
    """
    if bounds:
        return tuple(json.loads(run_apart(VALIDATE, code, bounds)))
    try:
        wasmtime.Module.validate(_validator(frozenset()), code)
    except wasmtime.WasmtimeError as error:
        if LEGACY_EXCEPTIONS in str(error):
            return (LEGACY_EXCEPTIONS,)
        raise ModuleError(f"not a valid wasm module: {one_line(error)}") from error
    return tuple(
        name
        for name, proposal in PROPOSALS.items()
        if name != LEGACY_EXCEPTIONS
        and not _is_valid(code, proposal.needed_by | {name})
        and _is_valid(code, proposal.needed_by)
    )


def _is_valid(code: bytes, without: frozenset[str]) -> bool:
    try:
        wasmtime.Module.validate(_validator(without), code)
    except wasmtime.WasmtimeError:
        return False
    return True


@cache
def _validator(without: frozenset[str]) -> wasmtime.Engine:
    """An engine that validates with all proposals but some."""
    config = wasmtime.Config()
    for name in PROPOSALS.keys() - {LEGACY_EXCEPTIONS}:
        setattr(config, f"wasm_{name}", name not in without)
    return wasmtime.Engine(config)
