"""One instance of a module: calls both ways, through wasmtime's raw calling convention.

- The guest's arguments lie in an array of 16-byte slots whose address the callback gets. wasmtime
  reuses few addresses, so the view of each is kept.
- A Python exception must not cross C. It is kept, the guest is stopped with a trap, and the door
  raises it again (``Vm.export``).
- A callback's C entry is freed by Python's garbage collector, so the VM keeps all of them.
- What is called a million times a second is a closure over what it needs, not a method.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable, Sequence
from ctypes import c_size_t, c_uint32
from functools import cache
from time import monotonic
from typing import Any, NoReturn

import wasmtime
from wasmtime import _ffi as ffi

from wasm_filters.abi import Signature
from wasm_filters.engine.border import HostFunction, Limits
from wasm_filters.engine.compiled import Compiled
from wasm_filters.engine.library import TICK_SECONDS, engine, raw
from wasm_filters.engine.stack import StackReader, frames_of
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

GuestFunction = Callable[..., int]  # arguments and answer are unsigned i32

_MAX_TABLE_ELEMENTS = 1_000_000  # of each table
_MAX_TABLES = 16
_MAX_MEMORIES = 4  # each may be as large as Limits.memory; Envoy sets no limit
_MAX_ARGUMENT_VIEWS = 4096  # one per address that wasmtime passes arguments at
_SLOT_FORMAT = {"i": "I12x", "I": "q8x"}
_Slots = c_uint32 * 48  # 12 arguments, the most that a hostcall has (proxy_grpc_call)
_PACK = [struct.Struct("<" + "I12x" * arity).pack_into for arity in range(13)]
_Entry = ctypes.CFUNCTYPE(c_size_t, c_size_t, c_size_t, c_size_t)
_EXTERN_SIZE = ctypes.sizeof(ffi.wasmtime_extern_t)
_EXTERN_VALUE = ffi.wasmtime_extern_t.of.offset


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
        self._stack: StackReader | None = None
        self._store = wasmtime.Store(engine())
        self._store.set_limits(
            self.limits.memory, _MAX_TABLE_ELEMENTS, tables=_MAX_TABLES, memories=_MAX_MEMORIES
        )
        self._context = ctypes.cast(self._store._context(), ctypes.c_void_p)
        self._slack = self.limits.deadline / 10  # arming costs: not for each of a thousand calls
        self._armed_until = 0.0
        ticks = math.ceil((self.limits.deadline + self._slack) / TICK_SECONDS) + 1
        self._arm = (self._context, ctypes.c_uint64(ticks))
        # all exports share one array: a call has read its arguments before another one may begin
        slots, trapped = _Slots(), c_size_t(0)
        self._slots = memoryview(slots).cast("B")
        self._words = self._slots.cast("I")
        self._trapped = memoryview(trapped).cast("B").cast("Q")
        self._passed = (ctypes.byref(slots), c_size_t(12), ctypes.byref(trapped))
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
            raw().wasmtime_func_new_unchecked(self._context, kind, entry, None, None, place)
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
        raw().wasmtime_instance_export_get(
            self._context, instance, text, c_size_t(len(text)), place
        )
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
            raw().wasmtime_context_set_epoch_deadline(*self._arm)

    def export(self, name: str) -> GuestFunction | None:
        """The guest's function ``name``; calling it starts a new deadline.

        It raises GuestStopped if it does not return.
        """
        if name not in self._compiled.functions:
            return None
        arguments, call = self._prepared(name), raw().wasmtime_func_call_unchecked
        slots, words, trapped, arm = self._slots, self._words, self._trapped, self.arm
        limit = self.limits.hostcalls

        def called(*given: int) -> int:
            _PACK[len(given)](slots, 0, *given)
            if self._left != limit or monotonic() > self._armed_until:
                arm()  # asked here, too: most callbacks are spared a call that finds nothing to do
            failed = call(*arguments)
            if failed or trapped[0]:
                self._fail(name, failed)
            answer: int = words[0]
            return answer

        return called

    def allocator(self, name: str) -> Callable[[int], int]:
        """The guest's function that gives memory to the host. It has what is left of the deadline
        of the callback that runs, and hostcalls that are guarded may not be made in it."""
        arguments, call = self._prepared(name), raw().wasmtime_func_call_unchecked
        words, trapped = self._words, self._trapped

        def allocate(size: int) -> int:
            words[0] = size
            before = self.restricted
            self.restricted = "while memory is allocated"
            failed = call(*arguments)
            if failed or trapped[0]:
                self._fail(name, failed)  # a VM that stops in there is not called again
            self.restricted = before
            address: int = words[0]
            return address

        return allocate

    def _prepared(self, name: str) -> tuple[Any, ...]:
        """What calls a guest's function, ready to be passed."""
        return (self._context, ctypes.byref(self._exported(name).func), *self._passed)

    def _fail(self, name: str, failed: int) -> NoReturn:
        error: wasmtime.Trap | wasmtime.WasmtimeError
        if failed:  # a host function's trap comes back as an error with the guest's stack
            pointer = ctypes.cast(failed, ctypes.POINTER(ffi.wasmtime_error_t))
            error = wasmtime.WasmtimeError._from_ptr(pointer)
        else:
            trap = ctypes.cast(self._trapped[0], ctypes.POINTER(ffi.wasm_trap_t))
            self._trapped[0] = 0
            error = wasmtime.Trap._from_ptr(trap)
        raise self._stopped(name, error) from None

    def stack(self) -> tuple[Frame, ...]:
        """The guest's functions that wait now, innermost first: to be asked by a host function.

        It takes some 20 µs, and the guest does not notice.
        """
        if self._stack is None:
            self._stack = StackReader(self._store)
        return self._stack.read()

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
        frames = frames_of(error)
        refused, self._refused = self._refused, None
        if isinstance(refused, Refusal):
            return HostcallRefused(callback, str(refused), frames)
        if isinstance(refused, GuestStopped):
            return refused.seen_from(callback)
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
