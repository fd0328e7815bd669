"""A Unix socket that only its owner can open (a door)."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_PATH = 100  # bytes; sun_path has 108 on Linux and 104 on macOS


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """A socket at ``path`` while inside, for who then listens there. What a process that was killed
    left there is taken away.

    Raises OSError: the path is too long or can't be bound, or somebody listens there.
    """
    if len(os.fsencode(path)) > MAX_PATH:
        why = f"a socket's path can't be longer than {MAX_PATH} bytes"
        raise OSError(errno.ENAMETOOLONG, why, str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        clear_away(path)
        before = os.umask(0o177)
        try:
            made.bind(os.fspath(path))
        finally:
            os.umask(before)
        try:
            yield made
        finally:
            path.unlink(missing_ok=True)


def clear_away(path: Path) -> None:
    """What a process that was killed left there. Raises OSError: somebody listens there."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(os.fspath(path)) == 0:
            raise OSError(errno.EADDRINUSE, "somebody listens there", str(path))
    path.unlink()
