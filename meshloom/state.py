"""Where a running mesh can be found: a folder of its own under the user's run-time directory.

``meshloom up`` makes it and takes it away; the other commands look for it. Only the user may read
it (mode 0700): it holds the socket on which captures are handed out.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

STATE_FILE = "mesh.json"
TAP_SOCKET = "tap.sock"
CAPTURES_SOCKET = "captures.sock"  # where Envoys send their access logs
PROCESSOR_SOCKET = "requests.sock"  # and whole requests, if they are told to
GATE_SOCKET = "gate.sock"  # and requests that may be held
DEBUG_SOCKET = "debug.sock"  # where people hold them


class NoMesh(Exception):
    """No mesh runs, or which one is meant is not clear."""


@dataclass(frozen=True, slots=True)
class RunningMesh:
    """A mesh that somebody brought up on this machine. ``state`` is what ``ready`` printed."""

    name: str
    pid: int
    folder: Path
    state: dict[str, Any]

    @property
    def tap_socket(self) -> Path:
        return self.folder / TAP_SOCKET

    @property
    def debug_socket(self) -> Path:
        return self.folder / DEBUG_SOCKET


def home() -> Path:
    """The folder of all running meshes of this user.

    ``XDG_RUNTIME_DIR`` where there is one; a Unix socket's path must stay under about 100 bytes,
    so the fallback is the shortest that is private.
    """
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"meshloom-{os.getuid()}"


def lasting_home() -> Path:
    """The folder of what outlives meshes: under ``XDG_STATE_HOME``, which is ``~/.local/state``."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base) / "meshloom"


def appearing(socket: Path, within: float) -> Path:
    """``socket``, when it is there, or so many seconds have passed: a mesh is announced a moment
    before all that it serves."""
    end = time.monotonic() + within
    while not socket.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return socket


@contextmanager
def mesh_folder() -> Iterator[Path]:
    """A new private folder for the mesh that this process is about to run."""
    parent = home()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parent.stat().st_uid != os.getuid() or parent.stat().st_mode & 0o077:
        raise NoMesh(f"{parent} belongs to somebody else or is open to others; remove it")
    _clear()
    names = (str(os.getpid()) + (f"-{n}" if n else "") for n in count())
    folder = next(each for name in names if _is_made(each := parent / name))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_made(folder: Path) -> bool:
    """Whether it was not there, and is now: a process may run several meshes, as tests do."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _pid(folder: Path) -> int | None:
    """Whose folder it is; None if it is nobody's of ours."""
    pid = folder.name.partition("-")[0]
    return int(pid) if pid.isascii() and pid.isdecimal() else None


def announce(folder: Path, state: dict[str, Any]) -> None:
    """Let other commands find this mesh: written whole, or not at all."""
    part = folder / f"{STATE_FILE}.part"
    part.write_text(json.dumps(state))
    part.replace(folder / STATE_FILE)


def running() -> list[RunningMesh]:
    """Every running mesh of this user, newest last; what a killed one left behind is removed."""
    _clear()
    found = []
    for file in home().glob(f"*/{STATE_FILE}"):
        with suppress(FileNotFoundError):  # it has just ended
            made, state = file.stat().st_mtime, json.loads(file.read_text())
            folder = file.parent
            found.append((made, RunningMesh(state["name"], _pid(folder) or 0, folder, state)))
    return [mesh for _, mesh in sorted(found, key=lambda pair: pair[0])]


def _clear() -> None:
    """Remove what killed meshes left behind."""
    for folder in home().glob("*"):
        pid = _pid(folder)
        if pid is not None and not _lives(pid):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # gone, and now perhaps somebody else's number
        return False
    return True


def find_mesh(name: str | None = None) -> RunningMesh:
    """The running mesh called ``name``, or the only one.

    Raises:
        NoMesh: there is none, or several and no name.
    """
    meshes = [mesh for mesh in running() if name in (None, mesh.name, str(mesh.pid))]
    if len(meshes) == 1:
        return meshes[0]
    if not meshes:
        called = f" called {name!r}" if name else ""
        raise NoMesh(f"no mesh{called} is running; start one with 'meshloom up'")
    listed = ", ".join(f"{mesh.name} (pid {mesh.pid})" for mesh in meshes)
    raise NoMesh(f"several meshes are running: {listed}; say which with --mesh NAME or PID")
