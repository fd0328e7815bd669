"""The guest's stack: of an error, and while the guest waits for a host function to answer.

wasmtime's C API tells a stack only of a trap. So where one is wanted in the middle of a call, a
second instance in the same store, which does nothing but trap, is called: its trap's stack holds
the frames of all that wait below it, and the guest itself goes on as if nothing had been.
"""

from __future__ import annotations

import ctypes
from ctypes import c_size_t
from functools import cache
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime._trap import FrameList

from wasm_filters.engine.library import engine, raw
from wasm_filters.errors import Frame

MAX_FRAMES = 20  # of a backtrace, as in Envoy; wasmtime keeps no more of one
_MAX_FUNCTION_NAME = 200  # characters
_TRAPS = bytes.fromhex(  # (module (func (export "trap") unreachable))
    "0061736d01000000 010401600000 03020100 0708010474726170 0000 0a05010300000b"
)


def frames_of(error: wasmtime.Trap | wasmtime.WasmtimeError) -> tuple[Frame, ...]:
    """The stack that an error was raised on, innermost first."""
    found = FrameList(error)
    if isinstance(error, wasmtime.Trap):
        ffi.wasm_trap_trace(error.ptr(), ctypes.byref(found.vec))
    else:
        ffi.wasmtime_error_wasm_trace(error.ptr(), ctypes.byref(found.vec))
    return tuple(_frame(found.vec.data[at]) for at in range(min(found.vec.size, MAX_FRAMES)))


def _frame(pointer: Any) -> Frame:
    index = int(ffi.wasm_frame_func_index(pointer))
    name = ffi.wasmtime_frame_func_name(pointer)
    text = ffi.to_str(name.contents) if name else f"function {index}"
    return Frame(text[:_MAX_FUNCTION_NAME], int(ffi.wasm_frame_module_offset(pointer)))


@cache
def _trapping() -> wasmtime.Module:
    return wasmtime.Module(engine(), _TRAPS)


class StackReader:
    """Reads the stack of what runs in one store, now."""

    def __init__(self, store: wasmtime.Store) -> None:
        instance = wasmtime.Instance(store, _trapping(), [])
        trapping = instance.exports(store)["trap"]
        assert isinstance(trapping, wasmtime.Func)
        context = ctypes.cast(store._context(), ctypes.c_void_p)
        self._function = trapping._func  # kept: its address is handed over
        self._slots, self._trapped = (ctypes.c_uint64 * 2)(), c_size_t(0)
        function, trapped = ctypes.byref(self._function), ctypes.byref(self._trapped)
        self._call = (context, function, ctypes.byref(self._slots), c_size_t(0), trapped)
        self._known: dict[tuple[int, int], Frame] = {}

    def read(self) -> tuple[Frame, ...]:
        """The frames, innermost first, MAX_FRAMES - 1 of them at most."""
        raw().wasmtime_func_call_unchecked(*self._call)
        address, self._trapped.value = self._trapped.value, 0
        if not address:
            return ()
        trap = wasmtime.Trap._from_ptr(ctypes.cast(address, ctypes.POINTER(ffi.wasm_trap_t)))
        found = FrameList(trap)
        ffi.wasm_trap_trace(trap.ptr(), ctypes.byref(found.vec))
        return tuple(self._frame(found.vec.data[at]) for at in range(1, found.vec.size))

    def _frame(self, pointer: Any) -> Frame:
        """Equal frames are one object: the same few places call again and again."""
        key = ffi.wasm_frame_func_index(pointer), ffi.wasm_frame_module_offset(pointer)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _frame(pointer)
        return known
