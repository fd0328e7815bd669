"""Modules made for a test that make these hostcalls in these callbacks, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import wasmtime

from tests.wasm_filters.probe import Call, Out
from wasm_filters.abi import CALLBACKS, AbiVersion
from wasm_filters.hostcalls import HOSTCALLS, WASI

_TRUE = ("proxy_on_vm_start", "proxy_on_configure", "proxy_on_done")
_PLACES = {Out.TEXT: (0, 4), Out.NUMBER: (8,), Out.LONG: (16,)}
MALLOC = """
  (global $heap (mut i32) (i32.const 65536))
  (func (export "malloc") (param $n i32) (result i32) (local $p i32)
    (local.set $p (global.get $heap))
    (global.set $heap (i32.and (i32.add (global.get $heap) (i32.add (local.get $n) (i32.const 7)))
      (i32.const -8)))
    (local.get $p))"""


@dataclass
class Script:
    """``calls`` per callback: a Call, or WAT as text. ``answers`` of callbacks: true for those
    that are asked whether, else 0. ``imports`` are hostcalls that only WAT calls."""

    calls: Mapping[str, Sequence[Call | str]]
    answers: Mapping[str, int] = field(default_factory=dict)
    version: AbiVersion = AbiVersion.V0_2_1
    malloc: str = MALLOC
    extra: str = ""
    imports: Sequence[str] = ()

    def code(self) -> bytes:
        writer = _Writer(self)
        return bytes(wasmtime.wat2wasm(writer.text()))


class _Writer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.data = bytearray(b"\0" * 64)
        self.imports: dict[str, str] = {}
        for name in script.imports:
            self.wants(name)

    def text(self) -> str:
        callbacks = "\n".join(self.callback(name) for name in self.script.calls)
        escaped = "".join(f"\\{byte:02x}" for byte in self.data)
        imports = "\n".join(self.imports.values())
        return f"""(module {imports} (memory (export "memory") 4)
          (data (i32.const 0) "{escaped}")
          (func (export "{self.script.version.marker}"))
          {self.script.malloc} {callbacks} {self.script.extra})"""

    def callback(self, name: str) -> str:
        signature = CALLBACKS[self.script.version][name]
        params = " ".join(f"(param $a{at} i32)" for at in range(len(signature.params)))
        body = "\n".join(self.call(call) for call in self.script.calls[name])
        answer = self.script.answers.get(name, int(name in _TRUE))
        result = f"(i32.const {answer})" if signature.results else ""
        kind = "(result i32)" if signature.results else ""
        return f'(func ${name} (export "{name}") {params} {kind}\n{body} {result})'

    def wants(self, name: str) -> None:
        call = HOSTCALLS.get(name) or WASI[name]
        module = "env" if name in HOSTCALLS else "wasi_snapshot_preview1"
        kinds = " ".join({"i": "i32", "I": "i64"}[one] for one in call.signature.params)
        result = "(result i32)" if call.answers else ""
        self.imports[name] = f'(import "{module}" "{name}" (func ${name} (param {kinds}) {result}))'

    def call(self, call: Call | str) -> str:
        if isinstance(call, str):
            return call
        self.wants(call.name)
        words: list[str] = []
        for argument in call.arguments:
            words += self.words(argument)
        signature = (HOSTCALLS.get(call.name) or WASI[call.name]).signature
        kinds = {"i": "i32", "I": "i64"}
        typed = [f"({kinds[k]}.const {w})" for k, w in zip(signature.params, words, strict=True)]
        made = f"(call ${call.name} {' '.join(typed)})"
        return f"(drop {made})" if signature.results else made

    def words(self, argument: int | bytes | str) -> list[str]:
        if isinstance(argument, int):
            return [str(argument)]
        if isinstance(argument, bytes):
            at = len(self.data)
            self.data += argument
            return [str(at), str(len(argument))]
        return [str(place) for place in _PLACES[argument]]
