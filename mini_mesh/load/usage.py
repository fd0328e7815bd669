"""A door to /proc: what processes have used of the processors, and the memory that they hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu`` in seconds, of all threads since the start; ``memory`` in bytes, as resident."""

    cpu: float
    memory: int


def usage(pid: int) -> Usage | None:
    """Of one process; None where it is gone, or where there is no /proc (proc(5))."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Usage(cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


def usages(pids: Mapping[str, int | None]) -> dict[str, Usage]:
    """Of those that are there, by their names."""
    found = {name: usage(pid) for name, pid in pids.items() if pid}
    return {name: each for name, each in found.items() if each}
