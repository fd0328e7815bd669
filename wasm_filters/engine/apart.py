"""Door to a process of its own, in which a module is compiled: there time and memory have bounds.

wasmtime can't be stopped while it compiles, and no count says how long it will: 7 KB of nested
blocks that hand a thousand values on took 29 s and 12 GB. compiler.py is what runs there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wasm_filters.errors import ModuleError, TooMuchWork

COMPILE, VALIDATE = "compile", "validate"
REFUSED = 3  # its exit code when the module is at fault, and what it says is why
SECONDS, SECONDS_PER_MIB = 60.0, 10.0
MEMORY, MEMORY_PER_BYTE = 1 << 30, 100
_COMPILER = Path(__file__).with_name("compiler.py")
_ROOT = str(_COMPILER.parents[2])  # where the package lies


@dataclass(frozen=True, slots=True)
class Bounds:
    """``seconds`` of wall time and bytes of ``memory``, where the system can count it."""

    seconds: float
    memory: int

    @classmethod
    def of(cls, code: bytes) -> Bounds:
        """What ``code`` may take: many times what a filter of its size needs.

        One in Go takes 0.4 s and 60 MB for each MiB of its module, ten times as long where others
        want the processors, too.
        """
        return cls(
            SECONDS + SECONDS_PER_MIB * len(code) / (1 << 20), MEMORY + MEMORY_PER_BYTE * len(code)
        )


def run_apart(task: str, code: bytes, bounds: Bounds, script: Path = _COMPILER) -> bytes:
    """What comes of ``task`` with ``code``. ModuleError: it is refused. TooMuchWork: as it says.

    ``script`` is started as compiler.py says, and ends as it does: others read modules, too.
    """
    # it imports what this process would, and nothing from wherever it is started
    where = [_ROOT, *filter(os.path.isabs, map(str, sys.path))]
    limits = [str(bounds.seconds), str(bounds.memory)]
    command = [sys.executable, "-I", "-S", str(script), task, *limits, *where]
    try:
        done = subprocess.run(command, input=code, capture_output=True, timeout=bounds.seconds)
    except subprocess.TimeoutExpired as error:
        raise TooMuchWork(f"takes more than {bounds.seconds:.3g} s to {task}") from error
    except OSError as error:
        raise ModuleError(f"can't {task} it: {error.strerror or error}") from error
    if done.returncode == REFUSED:
        raise ModuleError(done.stdout.decode(errors="replace"))
    if done.returncode == -signal.SIGABRT:  # what wasmtime does without memory
        raise TooMuchWork(f"takes more than {bounds.memory >> 20} MiB to {task}")
    if done.returncode:
        raise ModuleError(f"can't {task} it: {_last_words(done)}")
    return done.stdout


def _last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    return f"{how}: {said[-1]}" if said else how
