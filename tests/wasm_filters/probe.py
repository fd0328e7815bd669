"""Modules made for a test: each callback makes the hostcalls that the test lists and logs answers.

One line per hostcall, ``<callback> <label>=<status> <value>``, so that the same module can be run
here and in Envoy and the logs compared. Written in WAT, so that any ABI version can be had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import wasmtime

CALLBACKS = {
    "proxy_on_vm_start": (2, True),
    "proxy_on_configure": (2, True),
    "proxy_on_context_create": (2, False),
    "proxy_on_request_headers": (3, True),
    "proxy_on_request_body": (3, True),
    "proxy_on_request_trailers": (2, True),
    "proxy_on_response_headers": (3, True),
    "proxy_on_response_body": (3, True),
    "proxy_on_response_trailers": (2, True),
    "proxy_on_log": (1, False),
    "proxy_on_done": (1, True),
    "proxy_on_delete": (1, False),
}
NETWORK_CALLBACKS = {
    "proxy_on_vm_start": (2, True),
    "proxy_on_configure": (2, True),
    "proxy_on_context_create": (2, False),
    "proxy_on_new_connection": (1, True),
    "proxy_on_downstream_data": (3, True),
    "proxy_on_downstream_connection_close": (2, False),
    "proxy_on_upstream_data": (3, True),
    "proxy_on_upstream_connection_close": (2, False),
    "proxy_on_log": (1, False),
    "proxy_on_done": (1, True),
    "proxy_on_delete": (1, False),
}
CALLED_BACK = {
    **CALLBACKS,
    "proxy_on_tick": (1, False),
    "proxy_on_queue_ready": (2, False),
    "proxy_on_http_call_response": (5, False),
    "proxy_on_grpc_receive_initial_metadata": (3, False),
    "proxy_on_grpc_receive": (3, False),
    "proxy_on_grpc_receive_trailing_metadata": (3, False),
    "proxy_on_grpc_close": (3, False),
}
_DONE = {"proxy_on_vm_start": 1, "proxy_on_configure": 1, "proxy_on_done": 1}


@dataclass(frozen=True)
class Wat:
    """A number that the module computes: an expression."""

    text: str


LAST_STREAM = Wat("(global.get $last)")  # the id of the youngest stream context


class Out:
    """Where the host writes its answer: ``TEXT`` an address and a size, ``NUMBER`` an u32."""

    TEXT = "text"
    NUMBER = "number"
    LONG = "long"


@dataclass(frozen=True)
class Call:
    """A hostcall: numbers as they are, bytes as address and size, an Out where the answer goes.

    ``long`` marks which arguments are i64.
    """

    name: str
    arguments: Sequence[int | bytes | str | Wat] = ()
    label: str = ""
    long: frozenset[int] = frozenset()


@dataclass
class Probe:
    """``calls`` per callback, and what the callback answers (``answers``, else continue; a pair is
    for before and at the end of the stream, a text is a WAT expression)."""

    calls: Mapping[str, Sequence[Call]]
    answers: Mapping[str, int | str | tuple[int, int]] = field(default_factory=dict)
    callbacks: Mapping[str, tuple[int, bool]] = field(default_factory=lambda: CALLBACKS)
    version: str = "0.2.1"
    traps: frozenset[str] = frozenset()
    extra: str = ""

    def code(self) -> bytes:
        return bytes(wasmtime.wat2wasm(_Writer(self).text()))


class _Writer:
    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.data = bytearray(b"\0" * 64)  # the first bytes are the answers' places
        self.imports: dict[str, str] = {}

    def text(self) -> str:
        callbacks = "\n".join(self.callback(name) for name in self.probe.callbacks)
        marker = f"proxy_abi_version_{self.probe.version.replace('.', '_')}"
        imports = "\n".join(self.imports.values())
        escaped = "".join(f"\\{byte:02x}" for byte in self.data)
        return f"""(module
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          {imports}
          (memory (export "memory") 4)
          (global $heap (mut i32) (i32.const 131072))
          (global $last (mut i32) (i32.const 0))
          (data (i32.const 0) "{escaped}")
          (func (export "{marker}"))
          (func (export "malloc") (param $n i32) (result i32) (local $p i32)
            (local.set $p (global.get $heap))
            (global.set $heap (i32.and (i32.add (global.get $heap) (i32.add (local.get $n)
              (i32.const 7))) (i32.const -8)))
            (local.get $p))
          {_HELPERS}
          {callbacks}
          {self.probe.extra})"""

    def place(self, data: bytes) -> int:
        at = len(self.data)
        self.data += data
        return at

    def callback(self, name: str) -> str:
        arity, answers = self.probe.callbacks[name]
        if self.probe.version == "0.1.0" and name.endswith(("request_headers", "response_headers")):
            arity = 2
        params = " ".join(f"(param $a{i} i32)" for i in range(arity))
        result = "(result i32)" if answers else ""
        body = self.entry(name, arity)
        body += "\n".join(self.call(name, call) for call in self.probe.calls.get(name, ()))
        if name in self.probe.traps:
            body += "(unreachable)"
        answer = self.probe.answers.get(name, _DONE.get(name, 0))
        if isinstance(answer, tuple):
            before, at_end = answer
            body += f"\n(select (i32.const {at_end}) (i32.const {before}) (local.get $a2))"
        elif isinstance(answer, str):
            body += f"\n{answer}"
        elif answers:
            body += f"\n(i32.const {answer})"
        return f'(func (export "{name}") {params} {result}\n{body})'

    def entry(self, name: str, arity: int) -> str:
        label = f"{name} (".encode()
        at = self.place(label)
        numbers = "\n".join(
            f"(call $number (i64.extend_i32_u (local.get $a{i})))" for i in range(1, arity)
        )
        keep = ""
        if name == "proxy_on_context_create":
            keep = "(if (local.get $a1) (then (global.set $last (local.get $a0))))\n"
        begin = f"(call $begin (i32.const {at}) (i32.const {len(label)}))"
        return f"{keep}{begin}\n{numbers}\n(call $end)\n"

    def call(self, callback: str, call: Call) -> str:
        words, kind = self.words(call)
        shown = call.label or call.name
        label = f"{callback.removeprefix('proxy_on_')} {shown}=".encode()
        at = self.place(label)
        made = f"(call ${call.name} {' '.join(words)})"
        report = {
            None: "",
            Out.TEXT: "(call $value (i32.load (i32.const 32)) (i32.load (i32.const 36)))",
            Out.NUMBER: "(call $number (i64.load32_u (i32.const 8)))",
            Out.LONG: "(call $number (i64.load (i32.const 16)))",
        }[kind]
        return f"""(i32.store (i32.const 32) (i32.const 0))
          (i32.store (i32.const 36) (i32.const -1))
          (i64.store (i32.const 8) (i64.const 0)) (i64.store (i32.const 16) (i64.const 0))
          (call $begin (i32.const {at}) (i32.const {len(label)}))
          (call $number (i64.extend_i32_u {made}))
          {report} (call $end)"""

    def words(self, call: Call) -> tuple[list[str], str | None]:
        words: list[str] = []
        types: list[str] = []
        kind = None
        for index, argument in enumerate(call.arguments):
            width = "i64" if index in call.long else "i32"
            if isinstance(argument, Wat):
                words.append(argument.text)
                types.append(width)
            elif isinstance(argument, bytes):
                words += [f"(i32.const {self.place(argument)})", f"(i32.const {len(argument)})"]
                types += ["i32", "i32"]
            elif isinstance(argument, int):
                words.append(f"({width}.const {argument})")
                types.append(width)
            else:
                kind = argument
                places = {Out.TEXT: (32, 36), Out.NUMBER: (8,), Out.LONG: (16,)}[argument]
                words += [f"(i32.const {place})" for place in places]
                types += ["i32"] * len(places)
        self.imports[call.name] = (
            f'(import "env" "{call.name}" (func ${call.name}'
            f" (param {' '.join(types)}) (result i32)))"
        )
        return words, kind


_HELPERS = """
  (global $out (mut i32) (i32.const 65536))
  (func $begin (param $p i32) (param $n i32)
    (memory.copy (i32.const 65536) (local.get $p) (local.get $n))
    (global.set $out (i32.add (i32.const 65536) (local.get $n))))
  (func $end (drop (call $log (i32.const 2) (i32.const 65536)
    (i32.sub (global.get $out) (i32.const 65536)))))
  (func $value (param $p i32) (param $n i32)
    (if (i32.eq (local.get $n) (i32.const -1))
      (then (call $byte (i32.const 126)) (return)))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (call $shown (i32.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next))))
  (func $shown (param $b i32)
    (if (i32.and (i32.ne (local.get $b) (i32.const 92))
          (i32.lt_u (i32.sub (local.get $b) (i32.const 32)) (i32.const 95)))
      (then (call $byte (local.get $b)) (return)))
    (call $byte (i32.const 92))
    (call $nibble (i32.shr_u (local.get $b) (i32.const 4)))
    (call $nibble (i32.and (local.get $b) (i32.const 15))))
  (func $nibble (param $d i32)
    (call $byte (i32.add (local.get $d)
      (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $d) (i32.const 10))))))
  (func $byte (param $b i32)
    (i32.store8 (global.get $out) (local.get $b))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))
  (func $digits (param $v i64)
    (if (i64.ge_u (local.get $v) (i64.const 10))
      (then (call $digits (i64.div_u (local.get $v) (i64.const 10)))))
    (call $byte (i32.add (i32.const 48)
      (i32.wrap_i64 (i64.rem_u (local.get $v) (i64.const 10))))))
  (func $number (param $v i64) (call $digits (local.get $v)) (call $byte (i32.const 32)))
"""
