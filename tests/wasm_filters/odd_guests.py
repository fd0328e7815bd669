"""Guests that some host refuses, or nearly: what each is, who takes it, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.wasm_filters.guests import guest, wat


@dataclass(frozen=True)
class Odd:
    """``said`` is how each of its problems begins, in their order."""

    code: bytes
    envoy: bool = True
    here: bool = True
    said: tuple[str, ...] = ()


PLAIN = wat(
    '(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))'
    ' (func (export "malloc") (param i32) (result i32) (i32.const 1024)))'
)


def with_section(name: bytes, content: bytes) -> bytes:
    """PLAIN, which has no names of its own, with one more custom section."""
    body = bytes([len(name)]) + name + content
    return PLAIN + bytes([0, len(body)]) + body


def old_exceptions() -> bytes:
    """``try void, catch_all, nop, nop, end``, which wat2wasm does not know any more."""
    code = guest("(func nop nop nop nop nop nop)")
    at = code.index(b"\x01" * 6)
    return code[:at] + bytes.fromhex("06401901010b") + code[at + 6 :]


def wrong(name: str, found: str, wanted: str, version: str = "0.2.1") -> str:
    return f"{name} has the wrong signature for ABI {version}: found {found}, expected {wanted}"


def export(name: str, params: str = "", result: str = "") -> str:
    given = f"(param {params})" if params else ""
    return f'(func (export "{name}") {given} {f"(result {result})" if result else ""} unreachable)'


def imported(name: str, kind: str = "(func)", module: str = "env") -> bytes:
    return guest(imports=f'(import "{module}" "{name}" {kind})')


def memory(limits: str) -> bytes:
    return guest(memory=f'(memory (export "memory") {limits})')


_NO_MARKER = "no known Proxy-Wasm ABI version: found "
_OLD_MARKER = '(func (export "proxy_abi_version_0_1_0"))'
_INITIALIZE = '(func (export "_initialize"))'
_NEW_MALLOC = '(func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 8))'
_I64_MALLOC = '(func (export "malloc") (param i64) (result i32) (i32.const 0))'

LOADS = {
    "plain": PLAIN,
    "marker_with_parameters": guest(marker='(func (export "proxy_abi_version_0_2_1") (param i32))'),
    "two_markers": guest('(func (export "proxy_abi_version_0_2_0"))'),
    "only_the_newer_allocator": guest(_NEW_MALLOC, malloc=""),
    "newer_allocator_is_not_looked_at": guest(export("proxy_on_memory_allocate", "i64")),
    "callback_that_is_a_global": guest(
        '(global (export "proxy_on_log") i32 (i32.const 0))'
    ),
    "callback_of_a_newer_abi": guest(
        export("proxy_on_foreign_function", "i32"), marker=_OLD_MARKER
    ),
    "unknown_callback": guest(export("proxy_on_request_hedaers", "i32")),
    "main_without_initialize": guest(export("main", "i32"), export("__main_void", "i32")),
    "start_besides_initialize": guest(_INITIALIZE, export("_start", "i32")),
    "start_section": guest("(func $boot) (start $boot)"),
    "memory_by_another_name": guest(memory='(memory (export "heap") 1)'),
    "two_memories": guest('(memory (export "two") 1)'),
    "all_memory_that_there_is": memory("16384"),
    "maximum_beyond_what_is_given": memory("1 65536"),
    "wasi": imported("path_open", "(func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))",
                     "wasi_unstable"),
    "import_of_envoys_own": imported(
        "envoy_resolve_dns", "(func (param i32 i32 i32) (result i32))"
    ),
    "names_without_content": with_section(b"name", b""),
    "damaged_producers": with_section(b"producers", b"\x05"),
    "multi_value": guest("(func (result i32 i32) (i32.const 0) (i32.const 0))"),
    "bulk_memory": guest("(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"),
    "simd": guest("(func (drop (i32x4.splat (i32.const 0))))"),
    "relaxed_simd": guest("""(func (drop (i8x16.relaxed_swizzle
        (i8x16.splat (i32.const 0)) (i8x16.splat (i32.const 0)))))"""),
    "tail_call": guest("(func $f (return_call $f))"),
    "multi_memory": guest("(memory 1)"),
    "function_references": guest("(type $t (func)) (func (call_ref $t (ref.null $t)))"),
    "gc": guest("(type $s (struct (field i32))) (func (drop (struct.new_default $s)))"),
    "exceptions": guest("(tag $e) (func (throw $e))"),
}  # fmt: skip

REFUSED = {
    "no_marker": Odd(guest(marker=""), False, False, (_NO_MARKER + "none, expected",)),
    "marker_of_the_future": Odd(
        guest(marker='(func (export "proxy_abi_version_0_3_0"))'), False, False,
        (_NO_MARKER + "proxy_abi_version_0_3_0, expected",),
    ),
    "marker_that_is_a_global": Odd(
        guest(marker='(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))'),
        False, False, (_NO_MARKER + "none",),
    ),
    "no_allocator": Odd(guest(malloc=""), False, False, ("exports no allocator, expected one of",)),
    "allocator_of_another_type": Odd(
        guest(_NEW_MALLOC, malloc=_I64_MALLOC), False, False,
        (wrong("malloc", "i64 -> i32", "i32 -> i32"),),
    ),
    "callback_of_another_abi": Odd(
        guest(export("proxy_on_request_headers", "i32 i32", "i32")), False, False,
        (wrong("proxy_on_request_headers", "i32 i32 -> i32", "i32 i32 i32 -> i32"),),
    ),
    "metadata_of_another_type": Odd(
        guest(export("proxy_on_request_metadata", "i32")), False, False,
        (wrong("proxy_on_request_metadata", "i32 -> void", "i32 i32 -> i32"),),
    ),
    "stats_of_another_type": Odd(
        guest(export("envoy_on_stats_update", "i32")), False, False,
        (wrong("envoy_on_stats_update", "i32 -> void", "i32 i32 -> void"),),
    ),
    "dns_of_another_type": Odd(
        guest(export("envoy_on_resolve_dns", "i32")), False, False,
        (wrong("envoy_on_resolve_dns", "i32 -> void", "i32 i32 i32 -> void"),),
    ),
    "start_of_another_type": Odd(
        guest(export("_start", "i32")), False, False,
        (wrong("_start", "i32 -> void", "void -> void"),),
    ),
    "main_of_another_type": Odd(
        guest(_INITIALIZE, export("main", "i32"), export("__main_void", "i32")), False, False,
        (wrong("main", "i32 -> void", "i32 i32 -> i32"),
         wrong("__main_void", "i32 -> void", "void -> i32")),
    ),
    "import_of_nobody": Odd(
        imported("thing", module="other"), False, False,
        ("imports other.thing, which is of no host that is known here",),
    ),
    "import_of_higress": Odd(
        imported("proxy_redis_call", "(func (param i32))"), False, False,
        ("imports env.proxy_redis_call, which is Higress's own",),
    ),
    "import_of_another_abi": Odd(
        guest(imports='(import "env" "proxy_get_log_level" (func (param i32) (result i32)))',
              marker='(func (export "proxy_abi_version_0_2_0"))'),
        False, False, ("imports env.proxy_get_log_level, which ABI 0.2.0 does not have",),
    ),
    "import_of_another_type": Odd(
        imported("proxy_log", "(func (param i32) (result i32))"), False, False,
        ("imports env.proxy_log as i32 -> i32, expected i32 i32 i32 -> i32",),
    ),
    "import_of_a_global": Odd(
        imported("g", "(global i32)"), False, False, ("imports the global env.g",)
    ),
    "import_of_a_memory": Odd(
        guest(memory="", imports='(import "env" "memory" (memory 1))'), True, False,
        ("imports the memory env.memory",),
    ),
    "import_of_a_table": Odd(
        imported("table", "(table 1 funcref)"), True, False, ("imports the table env.table",)
    ),
    "more_memory_than_is_given": Odd(
        memory("16385"), False, False, ("wants 1024 MiB of memory to begin with",)
    ),
    "damaged_names": Odd(
        with_section(b"name", bytes([1, 1, 5])), False, True,
        ("the custom section 'name' is damaged (byte 0x",),
    ),
    "threads": Odd(memory("1 2 shared"), True, False, ("uses threads",)),
    "memory64": Odd(memory("i64 1"), True, False, ("uses 64-bit memory",)),
    "legacy_exceptions": Odd(old_exceptions(), True, False, ("uses legacy exceptions",)),
    "wide_arithmetic": Odd(
        guest("""(func (param i64) (result i64 i64) (i64.add128
            (local.get 0) (local.get 0) (local.get 0) (local.get 0)))"""),
        False, False, ("uses wide arithmetic",),
    ),
    "custom_page_sizes": Odd(memory("65536 (pagesize 1)"), False, False,
                             ("uses custom page sizes",)),
    "stack_switching": Odd(
        guest("""(type $f (func)) (type $c (cont $f)) (func $x) (elem declare func $x)
            (func (drop (cont.new $c (ref.func $x))))"""),
        False, False, ("uses stack switching",),
    ),
    "body_that_is_invalid": Odd(
        PLAIN.replace(b"\x41\x80\x08\x0b", b"\x42\x80\x08\x0b"), False, False,
        ("not a valid wasm module: type mismatch",),
    ),
    "everything_at_once": Odd(
        wat("""(module (import "env" "proxy_redis_init" (func)) (import "env" "abort" (func))
            (func (export "proxy_on_log")))"""),
        False, False,
        (_NO_MARKER + "none", "imports env.proxy_redis_init, which is Higress's own",
         "imports env.abort, which is how AssemblyScript gives up", "exports no memory",
         "exports no allocator", wrong("proxy_on_log", "void -> void", "i32 -> void")),
    ),
}  # fmt: skip

LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
_SAY = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))"
_ON_START = f'(func (export "proxy_on_vm_start") (param i32 i32) (result i32) {_SAY} (i32.const 1))'
CRASHES = {
    "no_memory_and_a_hostcall": guest(_ON_START, memory="", imports=LOG),
    "hidden_memory_and_a_hostcall": guest(_ON_START, memory="(memory 1)", imports=LOG),
    "hostcall_from_a_start_section": guest(f"(func $boot {_SAY}) (start $boot)", imports=LOG),
    "import_of_a_tag": guest(imports='(import "env" "t" (tag))'),
}
