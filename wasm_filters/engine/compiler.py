"""What runs in a process of its own: a module comes in, and what was made of it goes out.

A script, started by apart.py: ``compiler.py TASK SECONDS BYTES PATH...``. It has no site and takes
the path from the one that asks, so nothing is imported from the current folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys


def main(task: str, seconds: float, memory: int) -> int:
    """Read a module from standard input, and write what ``task`` makes of it. The exit code."""
    end_after(seconds)
    from wasm_filters.engine.apart import COMPILE, REFUSED
    from wasm_filters.engine.compiled import machine_code
    from wasm_filters.engine.validation import proposals
    from wasm_filters.errors import ModuleError

    code = sys.stdin.buffer.read()
    bound(memory)
    status = 0
    try:
        made = machine_code(code) if task == COMPILE else json.dumps(proposals(code)).encode()
    except ModuleError as error:
        made, status = str(error).encode(errors="replace"), REFUSED
    except MemoryError:
        os.abort()
    sys.stdout.buffer.write(made)
    return status


def end_after(seconds: float) -> None:
    """End this process soon after ``seconds``: nobody may be waiting any more."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)


def bound(memory: int) -> None:
    """No more than ``memory`` bytes of data; address space that is only reserved is none."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # a hard limit may be lower: then that one holds
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


if __name__ == "__main__":
    sys.path[:] = sys.argv[4:]
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
