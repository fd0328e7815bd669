"""A Proxy-Wasm module: bytes that are checked as Envoy checks them when it loads a filter.

What is refused here, Envoy refuses too, or the message says otherwise; the difference is that here
one line says what to do.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wasm_filters.abi import ALLOCATORS, AbiVersion
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.engine.compiled import Compiled, compile_module
from wasm_filters.engine.validation import proposals
from wasm_filters.errors import ModuleError, TooMuchWork
from wasm_filters.hostcalls import Hostcall, find
from wasm_filters.inspection.checks import (
    HERE,
    NEWEST,
    Problem,
    abi_version,
    problems,
    refused_proposals,
)
from wasm_filters.inspection.effort import bounds
from wasm_filters.inspection.sections import COMPONENT_VERSION, MAGIC, VERSION

MAX_BYTES = 64 << 20
MAX_MESSAGE = 2000  # characters of an error: the names in it are the module's


@dataclass(frozen=True, slots=True)
class Module:
    """A module that loads. ``hostcalls`` answer its imports, in their order; ``sha256`` is the
    hash of its bytes."""

    name: str
    version: AbiVersion
    compiled: Compiled
    hostcalls: tuple[Hostcall, ...]
    sha256: str = ""

    @classmethod
    def load(cls, path: Path | str, cache: CompiledCache | None = None) -> Module:
        """The module in a file; ModuleError if it can't be read or Envoy would not load it."""
        return cls.of(read_code(path), str(path), cache)

    @classmethod
    def of(cls, code: bytes, name: str = "module", cache: CompiledCache | None = None) -> Module:
        """The module ``code``; ``name`` stands in front of each error."""
        try:
            check_format(code)
            compiled = _compile(code, cache)
        except ModuleError as error:
            raise ModuleError(f"{name}: {error}"[:MAX_MESSAGE]) from error.__cause__
        if found := [problem for problem in problems(compiled) if HERE in problem.by]:
            raise ModuleError(f"{name}: {_told(found, name)}"[:MAX_MESSAGE])
        version = abi_version(compiled.functions) or NEWEST
        answers = (find(wanted.module, wanted.name, version) for wanted in compiled.imports)
        hostcalls = tuple(call for call in answers if call is not None)
        return cls(name, version, compiled, hostcalls, hashlib.sha256(code).hexdigest())

    @property
    def allocator(self) -> str:
        """The export that gives memory to the host."""
        return next(name for name in ALLOCATORS if name in self.compiled.functions)


def read_code(path: Path | str) -> bytes:
    """The bytes of the file ``path``; ModuleError if it can't be read, or is too large for it.

    Only of a regular file: a pipe or a device may not have an end.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ModuleError(f"{path}: can't be read: not a regular file")
            if facts.st_size > MAX_BYTES:
                raise ModuleError(f"{path}: {facts.st_size} bytes, expected at most {MAX_BYTES}")
            return file.read(MAX_BYTES + 1)  # one more, if it grows meanwhile: check_format sees it
    except OSError as error:
        raise ModuleError(f"{path}: can't be read: {error.strerror or error}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_format(code: bytes) -> None:
    """Raise ModuleError unless ``code`` begins as a core module does, and is not too large."""
    if code[:4] != MAGIC:
        found = "an empty file" if not code else f"{code[:4]!r}"
        hint = " (WebAssembly text: build it with wat2wasm)" if code.lstrip()[:1] == b"(" else ""
        raise ModuleError(f"not a wasm module: starts with {found}, expected {MAGIC!r}{hint}")
    if code[4:8] == COMPONENT_VERSION:
        raise ModuleError(
            "a wasm component, expected a core module: build for wasm32-wasip1, not wasip2"
        )
    if code[4:8] != VERSION:
        raise ModuleError(f"wasm version {code[4:8]!r}, expected {VERSION!r}")
    if len(code) > MAX_BYTES:
        raise ModuleError(f"{len(code)} bytes, expected at most {MAX_BYTES}")


def _compile(code: bytes, cache: CompiledCache | None) -> Compiled:
    """Compile it, and if that fails for what it uses of WebAssembly, say so."""
    given = bounds(code)
    try:
        return compile_module(code, cache, given)
    except TooMuchWork:
        raise
    except ModuleError as error:
        if used := list(refused_proposals(proposals(code, given))):
            raise ModuleError(str(used[0])) from error
        raise


def _told(found: Sequence[Problem], name: str) -> str:
    """The first problem, and where the others are told."""
    others = len(found) - 1
    if not others:
        return str(found[0])
    more = f"{others} more problem{'s' if others > 1 else ''}"
    return f"{found[0]} ({more}: meshloom wasm inspect {name})"
