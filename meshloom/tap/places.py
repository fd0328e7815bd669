"""Where stores lie: one file for each run of a mesh, which outlives it.

Under ``$XDG_STATE_HOME`` (``~/.local/state``), not in the mesh's own folder: that one goes with the
mesh, and may be memory.
"""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from urllib.parse import quote

from meshloom.state import NoMesh, lasting_home, running

KEPT_RUNS = 3  # of each mesh; the oldest goes when a new one comes
SUFFIX = ".tap"
_BESIDE = ("-wal", "-shm", "-lock")  # what SQLite and the writer put there


def home() -> Path:
    """The folder of all stores of this user; only the user may read it."""
    return lasting_home() / "taps"


def new_store(mesh: str, pid: int, now: float | None = None) -> Path:
    """A path for the store of a run that begins; the oldest runs of the same mesh go."""
    moment = time.time() if now is None else now
    runs = stores(mesh)
    alive = {one.pid for one in running()}
    for path in runs[: max(0, len(runs) + 1 - KEPT_RUNS)]:
        if pid_of(path) not in alive:
            remove(path)
    for milliseconds in count(int(moment * 1000)):  # one process may run several meshes at once
        seconds, rest = divmod(milliseconds, 1000)
        when = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        path = home() / f"{_stem(mesh)}@{when}.{rest:03}-{pid}{SUFFIX}"
        if not path.exists():
            break
    return path


def stores(mesh: str | None = None) -> list[Path]:
    """The stores of a mesh, or of all, the newest last."""
    found = home().glob(f"{_stem(mesh)}@*{SUFFIX}" if mesh is not None else f"*@*{SUFFIX}")
    return sorted(found, key=lambda path: path.stem.rpartition("@")[2])


def find_store(mesh: str | None = None) -> Path:
    """The store of the running mesh, else of the last run; ``mesh`` is a name or a pid.

    Raises:
        NoMesh: there is none, or several meshes run and none is named.
    """
    meshes = [one for one in running() if mesh in (None, one.name, str(one.pid))]
    if len({one.name for one in meshes}) > 1:
        listed = ", ".join(f"{one.name} (pid {one.pid})" for one in meshes)
        raise NoMesh(f"several meshes are running: {listed}; say which with --mesh NAME or PID")
    found = stores(meshes[0].name if meshes else None)
    if mesh is not None:
        found = [path for path in stores() if mesh in (name_of(path), str(pid_of(path)))]
    if not found:
        called = f" of {mesh!r}" if mesh else ""
        raise NoMesh(f"nothing{called} is stored in {home()}; name a file with --store")
    return found[-1]


def name_of(path: Path) -> str:
    """The mesh whose run is stored at ``path``, as far as its name tells."""
    from urllib.parse import unquote

    return unquote(path.name.rpartition("@")[0])


def remove(path: Path) -> None:
    for beside in ("", *_BESIDE):
        path.with_name(path.name + beside).unlink(missing_ok=True)


def _stem(mesh: str) -> str:
    return quote(mesh, safe="")[:100]


def pid_of(path: Path) -> int:
    """The process whose mesh's run is stored at ``path``, as its name tells; 0 for none."""
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else 0
