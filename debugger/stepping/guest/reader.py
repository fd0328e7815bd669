"""What runs in a process of its own: a module comes in, the lines of places in it go out.

A script, started as wasm_filters/engine/compiler.py is. In front of the module stands a line with
the offsets, as JSON.
"""

from __future__ import annotations

import json
import sys


def main(seconds: float, memory: int) -> int:
    """Read offsets and a module from standard input, and write their lines. The exit code."""
    from wasm_filters.engine.apart import REFUSED
    from wasm_filters.engine.compiler import bound, end_after

    end_after(seconds)
    from debugger.stepping.guest.dwarf import lines_at

    offsets = json.loads(sys.stdin.buffer.readline())
    code = sys.stdin.buffer.read()
    bound(memory)
    status = 0
    try:
        made = json.dumps(list(lines_at(code, offsets).items()))
    except MemoryError:
        made, status = "takes too much memory to read", REFUSED
    except Exception as error:  # whatever pyelftools stumbles over: it checks little
        made, status = f"can't be read ({type(error).__name__}: {error})", REFUSED
    sys.stdout.write(made)
    return status


if __name__ == "__main__":
    sys.path[:] = sys.argv[4:]
    sys.exit(main(float(sys.argv[2]), int(sys.argv[3])))
