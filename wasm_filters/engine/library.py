"""wasmtime itself: one engine per process, its raw functions, and the clock that stops a guest.

``wasmtime.Func`` costs 9 µs per call from the guest and 17 to 31 µs per call into it; its raw
calling convention a tenth of that (bench/wasm). So calls go through ``wasmtime._ffi``, by a handle
of our own, on which ctypes converts nothing.

Rule 1: memories never move (``memory_may_move`` is off and the address space is reserved), so one
view of a memory stays valid while it grows. Rule 2: one clock per process moves the epoch
(epoch.py); a callback that is still running when its deadline passes is stopped there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from wasm_filters.engine.epoch import after_fork, tick_by_thread, tick_natively

TICK_SECONDS = 0.02  # how exactly a deadline is kept


@cache
def engine() -> wasmtime.Engine:
    """The engine of this process; its clock runs from the first time that it is asked for."""
    return _started()[0]


@cache
def raw() -> Any:
    """wasmtime's functions as they are in C."""
    return _started()[1]


@cache
def _started() -> tuple[wasmtime.Engine, Any]:
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.signals_based_traps = False  # others take signals, too: faulthandler, debuggers
    config.wasm_threads = False  # atomic.wait would block the host
    config.wasm_memory64 = False
    config.wasm_wide_arithmetic = False  # Envoy's V8 does not know it
    ffi.wasmtime_config_memory_may_move_set(config.ptr(), False)
    made = wasmtime.Engine(config)
    if _start_native_clock(made):
        return made, _library(ctypes.PyDLL)  # with the interpreter's lock held
    _start_thread(made)
    return made, _library(ctypes.CDLL)  # the thread runs only when calls let go of the lock


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
    start = partial(tick_by_thread, engine.increment_epoch, TICK_SECONDS)
    start()
    after_fork(start)


def _library(loader: Callable[[str], Any]) -> Any:
    """A handle of its own: no argtypes, arguments are prepared once."""
    library = loader(str(ffi.filename))
    library.wasmtime_func_call_unchecked.restype = ctypes.c_size_t
    library.wasmtime_context_set_epoch_deadline.restype = None
    library.wasmtime_func_new_unchecked.restype = None
    library.wasmtime_instance_export_get.restype = ctypes.c_bool
    return library
