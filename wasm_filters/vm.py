"""Door to wasmtime: compile a module, run it, call both ways. Only ``validation.py`` asks it too.

``wasmtime.Func`` costs 9 µs per call from the guest and 17 to 31 µs per call into it; its raw
calling convention 0.5 and 0.8 µs (bench/wasm). So calls go through ``wasmtime._ffi``:

- The guest's arguments lie in an array of 16-byte slots whose address the callback gets. wasmtime
  reuses few addresses, so the ctypes view of each is kept.
- A Python exception must not cross C. It is kept, the guest is stopped with a trap, and the door
  raises it again (``GuestExport.__call__``).
- A callback's C entry is freed by Python's garbage collector, so the VM keeps all of them.

Rule 1: memories never move (``memory_may_move`` is off and the address space is reserved), so one
view of a memory stays valid while it grows. Rule 2: one clock per process moves the epoch
(epoch.py); a callback that is still running when its deadline passes is stopped there.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_size_t, c_uint32
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from time import monotonic
from typing import Any, NoReturn

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime._trap import FrameList

from wasm_filters.abi import Signature
from wasm_filters.border import HostFunction, Import, Limits
from wasm_filters.cache import CompiledCache
from wasm_filters.epoch import after_fork, tick_by_thread, tick_natively
from wasm_filters.errors import (
    BadPointer,
    DeadlineExceeded,
    Frame,
    GuestStopped,
    GuestTrapped,
    HostcallRefused,
    ModuleError,
    Refusal,
    one_line,
)

TICK_SECONDS = 0.02  # how exactly a deadline is kept
MAX_FRAMES = 20  # of a backtrace, as in Envoy
_MAX_TABLE_ELEMENTS = 1_000_000
_MAX_ARGUMENT_VIEWS = 4096  # one per address that wasmtime passes arguments at
_KINDS = {"i32": "i", "i64": "I", "f32": "f", "f64": "F"}
_SLOT_FORMAT = {"i": "I12x", "I": "q8x"}
_Slots = c_uint32 * 48  # 12 arguments, the most that a hostcall has (proxy_grpc_call)
_PACK = [struct.Struct("<" + "I12x" * arity).pack_into for arity in range(13)]
_Entry = ctypes.CFUNCTYPE(c_size_t, c_size_t, c_size_t, c_size_t)
_EXTERN_SIZE = ctypes.sizeof(ffi.wasmtime_extern_t)
_EXTERN_VALUE = ffi.wasmtime_extern_t.of.offset


def _library(loader: Callable[[str], Any]) -> Any:
    """wasmtime by a handle of its own: no argtypes, arguments are prepared once."""
    library = loader(str(ffi.filename))
    library.wasmtime_func_call_unchecked.restype = c_size_t
    library.wasmtime_context_set_epoch_deadline.restype = None
    library.wasmtime_func_new_unchecked.restype = None
    library.wasmtime_instance_export_get.restype = ctypes.c_bool
    return library


_raw = _library(ctypes.PyDLL)  # with the interpreter's lock held: letting go costs as much again


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module in machine code: what it imports, in order, and its exported functions.

    ``memory`` is the export that is its memory; of several the last, as in Envoy.
    """

    imports: tuple[Import, ...]
    functions: Mapping[str, Signature]
    memory: str | None
    _module: Any


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.wasm_threads = False  # atomic.wait would block the host
    config.wasm_memory64 = False
    config.wasm_wide_arithmetic = False  # Envoy's V8 does not know it
    ffi.wasmtime_config_memory_may_move_set(config.ptr(), False)
    engine = wasmtime.Engine(config)
    if not _start_native_clock(engine):
        _start_thread(engine)
    return engine


def _start_native_clock(engine: wasmtime.Engine) -> bool:
    function = ctypes.cast(ffi.dll.wasmtime_engine_increment_epoch, ctypes.c_void_p).value or 0
    argument = ctypes.cast(engine.ptr(), ctypes.c_void_p).value or 0
    start = partial(tick_natively, function, argument, TICK_SECONDS)
    if not start():
        return False
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))  # the timer outlives the interpreter
    after_fork(start)
    return True


def _start_thread(engine: wasmtime.Engine) -> None:
    """Then calls have to let go of the interpreter's lock, or the thread would not run."""
    global _raw
    _raw = _library(ctypes.CDLL)
    start = partial(tick_by_thread, engine.increment_epoch, TICK_SECONDS)
    start()
    after_fork(start)


def compile_module(code: bytes, cache: CompiledCache | None = None) -> Compiled:
    """Compile ``code``, or take it from ``cache``; ModuleError if it is not valid wasm."""
    key = f"{hashlib.sha256(code).hexdigest()}-wasmtime{version('wasmtime')}"
    stored = cache.get(key) if cache else None
    module = _load(stored) if stored else None
    if module is None:
        try:
            module = wasmtime.Module(_engine(), code)
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"not a valid wasm module: {one_line(error)}") from error
        if cache:
            cache.put(key, bytes(module.serialize()))
    return _described(module)


def _load(stored: bytes) -> wasmtime.Module | None:
    try:
        return wasmtime.Module.deserialize(_engine(), stored)
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


@cache
def _slots_of(params: str) -> struct.Struct:
    return struct.Struct("<" + "".join(_SLOT_FORMAT[kind] for kind in params))


@cache
def _function_type(signature: Signature) -> wasmtime.FuncType:
    types = {"i": wasmtime.ValType.i32, "I": wasmtime.ValType.i64}
    params, results = signature.params, signature.results
    return wasmtime.FuncType(
        [types[kind]() for kind in params], [types[kind]() for kind in results]
    )


def _kind(kind: object) -> str:
    return type(kind).__name__.removesuffix("Type").replace("Func", "Function").lower()


def _frames(error: wasmtime.Trap | wasmtime.WasmtimeError) -> tuple[Frame, ...]:
    found = FrameList(error)
    if isinstance(error, wasmtime.Trap):
        ffi.wasm_trap_trace(error.ptr(), ctypes.byref(found.vec))
    else:
        ffi.wasmtime_error_wasm_trace(error.ptr(), ctypes.byref(found.vec))
    raw = (found.vec.data[i] for i in range(min(found.vec.size, MAX_FRAMES)))
    frames = (wasmtime.Frame._from_ptr(pointer, found) for pointer in raw)
    return tuple(
        Frame(frame.func_name or f"function {frame.func_index}", frame.module_offset)
        for frame in frames
    )


class Vm:
    """One instance of a module with its own memory. Not thread-safe, like an Envoy worker's VM.

    ``imports`` answer ``compiled.imports``, in their order; ``functions`` holds what is behind
    each, and may be changed between two calls into the guest. ``hostcalls`` counts all calls that
    the guest made. ``restricted`` says why guarded ones are refused now, ``""`` once its owner
    has started the module.
    """

    def __init__(
        self, compiled: Compiled, imports: Sequence[HostFunction], limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._counted = 0  # hostcalls before the callback that runs
        self._left = self.limits.hostcalls
        self.restricted = "while the module starts"
        self.functions = [function.function for function in imports]
        self._refused: BaseException | None = None
        self._views: dict[int, tuple[memoryview, memoryview]] = {}
        self._memory: Any = None
        self._store = wasmtime.Store(_engine())
        self._store.set_limits(self.limits.memory, _MAX_TABLE_ELEMENTS)
        self._context = ctypes.cast(self._store._context(), ctypes.c_void_p)
        self._slack = self.limits.deadline / 10  # arming costs: not for each of a thousand calls
        self._armed_until = 0.0
        ticks = math.ceil((self.limits.deadline + self._slack) / TICK_SECONDS) + 1
        self._arm = (self._context, ctypes.c_uint64(ticks))
        # all exports share one array: a call has read its arguments before another one may begin
        slots, trapped = _Slots(), c_size_t(0)
        self._bytes = memoryview(slots).cast("B")
        self._words = self._bytes.cast("I")
        self._trapped = memoryview(trapped).cast("B").cast("Q")
        self._call = (ctypes.byref(slots), c_size_t(12), ctypes.byref(trapped))
        entries = (self._entry(at, function) for at, function in enumerate(imports))
        self._entries = [_Entry(entry) for entry in entries]
        self._compiled = compiled
        self._instance = ffi.wasmtime_instance_t()
        self._start(imports)

    def _start(self, imports: Sequence[HostFunction]) -> None:
        self.arm()  # a module with a start section runs code here
        compiled = self._compiled
        functions = (ffi.wasmtime_extern_t * len(imports))()  # zeros: all of kind EXTERN_FUNC
        for at, (function, entry) in enumerate(zip(imports, self._entries, strict=True)):
            kind = _function_type(function.signature).ptr()
            place = ctypes.byref(functions, at * _EXTERN_SIZE + _EXTERN_VALUE)
            _raw.wasmtime_func_new_unchecked(self._context, kind, entry, None, None, place)
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        failed = ffi.wasmtime_instance_new(
            self._store._context(),
            compiled._module.ptr(),
            functions,
            len(imports),
            ctypes.byref(self._instance),
            ctypes.byref(trap),
        )
        if failed or trap:
            self._not_started(failed, trap)
        if compiled.memory:
            self._memory = wasmtime.Memory._from_raw(self._exported(compiled.memory).memory)

    def _not_started(self, failed: Any, trap: Any) -> NoReturn:
        if not failed:
            raise self._stopped("start section", wasmtime.Trap._from_ptr(trap))
        error = wasmtime.WasmtimeError._from_ptr(failed)
        if self._refused is not None:
            raise self._stopped("start section", error)
        raise ModuleError(f"can't be instantiated: {one_line(error)}") from error

    def _exported(self, name: str) -> Any:
        """What the instance exports as ``name``, which is there."""
        found, text = ffi.wasmtime_extern_t(), name.encode()
        instance, place = ctypes.byref(self._instance), ctypes.byref(found)
        _raw.wasmtime_instance_export_get(self._context, instance, text, c_size_t(len(text)), place)
        return found.of

    def _entry(self, index: int, host: HostFunction) -> Callable[[int, int, int], int]:
        """The C side of one import. This is the hot path: one Python call between two C calls."""
        unpack = _slots_of(host.signature.params).unpack_from
        functions, on_bad_pointer, views = self.functions, host.on_bad_pointer, self._views
        answers, guarded = bool(host.signature.results), host.guarded

        def entry(_env: int, _caller: int, address: int) -> int:
            try:
                slots, words = views[address]
            except KeyError:
                slots, words = self._view(address)
            left = self._left = self._left - 1
            try:
                if left < 0:
                    raise Refusal(f"more than {self.limits.hostcalls} hostcalls in one callback")
                if guarded and self.restricted:
                    raise Refusal(f"{host.name} may not be called {self.restricted}")
                answer = functions[index](*unpack(slots))
            except BadPointer:
                answer = on_bad_pointer
            except BaseException as error:
                return self._trap(error)
            if answers:
                words[0] = answer
            return 0

        return entry

    def _view(self, address: int) -> tuple[memoryview, memoryview]:
        """The slots at ``address``, as bytes to read from and as words to answer in."""
        if len(self._views) >= _MAX_ARGUMENT_VIEWS:
            self._views.clear()
        slots = memoryview(_Slots.from_address(address)).cast("B")
        view = self._views[address] = (slots, slots.cast("I"))
        return view

    def _trap(self, error: BaseException) -> int:
        """Keep ``error`` for the door and answer a trap, which wasmtime takes over."""
        self._refused = error
        trap = ffi.wasmtime_trap_new(b"refused by the host", 19)
        return ctypes.cast(trap, ctypes.c_void_p).value or 0

    @property
    def hostcalls(self) -> int:
        """All calls that the guest made."""
        return self._counted + self.limits.hostcalls - self._left

    def arm(self) -> None:
        """Give the guest its full time (up to a tenth more) and hostcalls again, from now."""
        limit = self.limits.hostcalls
        if self._left != limit:
            self._counted += limit - self._left
            self._left = limit
        now = monotonic()
        if now > self._armed_until:
            self._armed_until = now + self._slack
            _raw.wasmtime_context_set_epoch_deadline(*self._arm)

    def export(self, name: str, arms: bool = True) -> GuestExport | None:
        """The guest's function ``name``; ``arms``: calling it starts a new deadline."""
        if name not in self._compiled.functions:
            return None
        return GuestExport(self, name, self._exported(name).func, arms)

    def window(self) -> memoryview:
        """All bytes of the guest's memory. The view is valid as long as this VM lives."""
        if self._memory is None:
            return memoryview(b"")
        context = self._store._context()
        size = self._memory.data_len(self._store)
        start = ffi.wasmtime_memory_data(context, ctypes.byref(self._memory._memory))
        address = ctypes.cast(start, ctypes.c_void_p).value or 0
        return memoryview((ctypes.c_ubyte * size).from_address(address)).cast("B")

    def close(self) -> None:
        """Give its memory back now. Nothing of it may be used afterwards."""
        self._store.close()
        self._entries.clear()

    def _stopped(self, callback: str, error: wasmtime.Trap | wasmtime.WasmtimeError) -> Exception:
        """What the door raises: the exception that a hostcall left, or what the guest did."""
        frames = _frames(error)
        refused, self._refused = self._refused, None
        if isinstance(refused, Refusal):
            return HostcallRefused(callback, str(refused), frames)
        if refused is not None:
            raise refused
        if not isinstance(error, wasmtime.Trap):
            return GuestStopped(callback, one_line(error), frames)
        if error.trap_code == wasmtime.TrapCode.INTERRUPT:
            reason = f"ran longer than {self.limits.deadline:g} s"
            return DeadlineExceeded(callback, reason, frames)
        return GuestTrapped(callback, self._reason(error), frames)

    def _reason(self, trap: wasmtime.Trap) -> str:
        text = trap.message.splitlines()[-1].strip().removeprefix("wasm trap: ")
        reason = f"trapped: {text}"
        used = len(self.window()) if self._memory is not None else 0
        if used * 2 > self.limits.memory:
            reason += f" (memory is {used >> 20} of at most {self.limits.memory >> 20} MiB)"
        return reason


class GuestExport:
    """One exported function, ready to be called: arguments and answer are unsigned i32.

    ``arms``: calling it starts a new deadline.
    """

    __slots__ = ("_arguments", "_arms", "_bytes", "_call", "_trapped", "_vm", "_words", "name")

    def __init__(self, vm: Vm, name: str, function: Any, arms: bool) -> None:
        self.name = name
        self._vm = vm
        self._arms = arms
        self._bytes, self._words, self._trapped = vm._bytes, vm._words, vm._trapped
        self._call = _raw.wasmtime_func_call_unchecked
        self._arguments = (vm._context, ctypes.byref(function), *vm._call)

    def __call__(self, *arguments: int) -> int:
        """Call it; GuestStopped if it does not return."""
        _PACK[len(arguments)](self._bytes, 0, *arguments)
        if self._arms:
            self._vm.arm()
        failed = self._call(*self._arguments)
        if failed or self._trapped[0]:
            self._fail(failed)
        answer: int = self._words[0]
        return answer

    def _fail(self, failed: int) -> None:
        error: wasmtime.Trap | wasmtime.WasmtimeError
        if failed:  # a host function's trap comes back as an error with the guest's stack
            pointer = ctypes.cast(failed, ctypes.POINTER(ffi.wasmtime_error_t))
            error = wasmtime.WasmtimeError._from_ptr(pointer)
        else:
            trap = ctypes.cast(self._trapped[0], ctypes.POINTER(ffi.wasm_trap_t))
            self._trapped[0] = 0
            error = wasmtime.Trap._from_ptr(trap)
        raise self._vm._stopped(self.name, error) from None
