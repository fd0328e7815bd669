"""What runs in a process of its own: a module comes in, the lines of places in it go out.

A script, started as wasm_filters/engine/compiler.py is; its task is a list of offsets, as JSON.
"""

from __future__ import annotations

import json
import sys


def main(task: str, seconds: float, memory: int) -> int:
    """Read a module from standard input, and write the lines of its offsets. The exit code."""
    from wasm_filters.engine.apart import REFUSED
    from wasm_filters.engine.compiler import bound, end_after

    end_after(seconds)
    from debugger.stepping.guest.dwarf import lines_at

    code = sys.stdin.buffer.read()
    bound(memory)
    status = 0
    try:
        made = json.dumps(list(lines_at(code, json.loads(task)).items()))
    except MemoryError:
        made, status = "it takes too much memory", REFUSED
    except Exception as error:  # whatever pyelftools stumbles over: it checks little
        made, status = f"{type(error).__name__}: {error}", REFUSED
    sys.stdout.write(made)
    return status


if __name__ == "__main__":
    sys.path[:] = sys.argv[4:]
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
