"""Ports of one mesh on loopback: free ones by default, or the same ones at every start.

A door. A port that was given stays reserved by a bound socket, so that neither another taker nor an
outgoing connection gets it before its owner listens. On Linux a reservation that does not listen
lets an owner that sets SO_REUSEADDR bind beside it (Envoy, gRPC, asyncio, Go, Node and Java do);
elsewhere, and for a program of which we know nothing, it has to be released first.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from types import TracebackType

LOOPBACK = "127.0.0.1"
_LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


class PortInUse(Exception):
    """A wanted port is somebody else's: ``port`` says which."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(f"port {port} is in use{reason}")
        self.port = port


class Ports:
    """Gives every port once. With ``base`` upward from there; without, whichever the system has.

    A ``base`` is best below 32768: from there on Linux takes ports for outgoing connections.
    """

    def __init__(self, base: int | None = None) -> None:
        self._next = base
        self._held: dict[int, socket.socket] = {}

    def take(self, wanted: int | None = None) -> int:
        """A reserved port: ``wanted``, else the next one.

        Raises PortInUse where it is taken, by another process or in this mesh.
        """
        if wanted is None and self._next is not None:
            wanted = self._after_the_held(self._next)
            self._next = wanted + 1
        if wanted in self._held:
            raise PortInUse(wanted, " twice in this mesh")
        return self._reserve(wanted or 0)

    def release(self, *ports: int) -> None:
        """Let somebody bind ``ports`` who does not set SO_REUSEADDR; call it just before."""
        for port in ports:
            if held := self._held.pop(port, None):
                held.close()

    def hand_over(self, *ports: int) -> None:
        """Let somebody bind ``ports`` who sets SO_REUSEADDR, still reserved where that works."""
        if sys.platform != "linux":
            self.release(*ports)

    def close(self) -> None:
        self.release(*self._held)

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _after_the_held(self, port: int) -> int:
        while port in self._held:
            port += 1
        return port

    def _reserve(self, wanted: int) -> int:
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((LOOPBACK, wanted))
        except PermissionError as error:
            held.close()
            raise PortInUse(wanted, f": only the superuser may bind it ({error})") from error
        except (OSError, OverflowError) as error:
            held.close()
            who = holder(wanted)
            raise PortInUse(wanted, f" by {who}" if who else f" ({error})") from error
        port: int = held.getsockname()[1]
        self._held[port] = held
        return port


def holder(port: int) -> str | None:
    """Who listens on ``port``, as ``name (pid 123)``; None where /proc does not tell."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it has ended, or it is another user's
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(table)
        rows = path.read_text().splitlines()[1:] if path.exists() else []
        for _, local, _, state, *rest in map(str.split, rows):
            if state == _LISTEN and local.endswith(f":{port:04X}"):
                inodes.add(rest[5])
    return inodes
