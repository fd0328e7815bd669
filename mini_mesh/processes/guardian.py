"""The guardian: a tiny process that outlives the mesh's owner just long enough to end the mesh.

A door, and a script of its own: ``python -I -S guardian.py MARK``, standard library only, up in
about 10 ms. It reads process groups from standard input, one ``+GROUP`` or ``-GROUP`` a line. When
that pipe ends, because its owner closed it, crashed or was killed with SIGKILL, the guardian asks
every group left to end (SIGTERM), waits up to ``GRACE`` and kills what stays.

A group is not enough: a grandchild may have made a session of its own, and an owner may be killed
before it could tell of a child. So every child carries ``MARK_VARIABLE`` in its environment, and on
Linux the guardian also ends whatever carries the mark of its mesh (``/proc/PID/environ``). The pipe
cannot end too early: a child between fork and exec still holds a copy of its writing end.
"""

from __future__ import annotations

import os
import signal
import sys
import time

MARK_VARIABLE = "MESHLOOM_MESH"
GRACE = 1.0  # seconds between SIGTERM and SIGKILL
STEP = 0.02  # seconds between two looks at what is still there
MAX_SWEEPS = 200  # something that forks faster than we kill must not keep the guardian for ever

TYPE_CHECKING = False  # "typing" would double the start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def main(mark: str) -> None:
    """Hold the process groups until standard input ends, then end them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")  # keep no file system busy
    end(held_groups(sys.stdin.buffer), mark)


def held_groups(lines: Iterable[bytes]) -> set[int]:
    """The groups that were named with ``+`` and not taken back with ``-``."""
    groups: set[int] = set()
    for line in lines:
        if line.startswith(b"+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    return groups


def end(groups: set[int], mark: str) -> None:
    """Ask, wait, kill: until nothing of ``groups`` and nothing with ``mark`` is left."""
    deadline = time.monotonic() + GRACE
    reached = reach(groups, mark, signal.SIGTERM)
    while reached and time.monotonic() < deadline:
        time.sleep(STEP)
        reached = reach(groups, mark, 0)
    for _ in range(MAX_SWEEPS):
        if not reach(groups, mark, signal.SIGKILL):
            return
        time.sleep(STEP)


def reach(groups: set[int], mark: str, number: int) -> int:
    """Send signal ``number`` (0 only looks) and say how many groups and processes were there."""
    there = 0
    for group in groups:
        there += _sent(os.killpg, group, number)
    for process in marked(mark):
        there += _sent(os.kill, process, number)
    return there


def marked(mark: str) -> Iterator[int]:
    """The processes that carry ``mark`` in their environment; none where there is no /proc."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    names = os.listdir("/proc") if sys.platform == "linux" else []
    for name in names:
        if name.isdigit() and wanted in _environment(name).split(b"\0"):
            yield int(name)


def _environment(process: str) -> bytes:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return file.read()
    except OSError:  # it has ended, or it is another user's
        return b""


def _sent(send: Callable[[int, int], object], target: int, number: int) -> bool:
    try:
        send(target, number)
    except (ProcessLookupError, PermissionError):  # gone; or, on macOS, a zombie
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
