"""What moves wasmtime's epoch, by which a guest that runs too long is stopped.

A door, to the system's timers. A native timer calls wasmtime directly and needs no Python, so a
guest can be called with the interpreter's lock held: giving it back and taking it again costs as
much as the call. Where there is no such timer (macOS has no ``timer_create``), a thread does it,
and then calls have to let go of the lock.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_SIGEV_THREAD = 2
_NANOSECONDS = 1_000_000_000


class _SigEvent(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("rest", ctypes.c_char * 64),
    ]


class _Intervals(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("s", "ns", "first_s", "first_ns")]


def tick_natively(function: int, argument: int, seconds: float) -> bool:
    """Let the system call the C function at ``function`` with ``argument``, again and again.

    False where the system can't. The timer ends with the process; a fork has none.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "timer_create"):
        return False
    event = _SigEvent(value=argument, notify=_SIGEV_THREAD, function=function)
    timer = ctypes.c_void_p()
    nanoseconds = round(seconds * _NANOSECONDS)
    pace = _Intervals(0, nanoseconds, 0, nanoseconds)
    created = library.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer))
    return bool(created == 0 and library.timer_settime(timer, 0, ctypes.byref(pace), None) == 0)


def tick_by_thread(tick: Callable[[], None], seconds: float) -> None:
    """Call ``tick`` again and again, as long as the process lives."""

    def run() -> None:
        while True:
            time.sleep(seconds)
            tick()

    threading.Thread(target=run, name="wasm-epoch", daemon=True).start()


def after_fork(start: Callable[[], object]) -> None:
    """Do ``start`` in every child: neither timers nor threads go along."""
    os.register_at_fork(after_in_child=start)
