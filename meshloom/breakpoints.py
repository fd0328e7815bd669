"""The desk of a mesh that runs in this process, at the sockets in its folder."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from secrets import randbelow
from typing import TYPE_CHECKING

from meshloom.state import DEBUG_SOCKET, GATE_SOCKET

if TYPE_CHECKING:
    from debugger.desk.desk import Desk
    from mesh_patterns.compile.gate import Row
    from mini_mesh.control.plane import ControlPlane
    from mini_mesh.mesh import MiniMesh
    from tap.redact import RuleBook


class EcdsPublisher:
    """Tells the Envoys of a mesh what to send to the gate: by the filter config that they get by
    ECDS. A ``debugger.desk.desk.Publisher``."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def publish(self, node: str, rows: Sequence[Row]) -> None:
        from mesh_patterns.compile.gate import extension

        self._control.publish(node, extension(node, rows))

    def standing(self, node: str) -> str:
        from xds_server.resource import ResourceType

        return self._control.standing(node, ResourceType.EXTENSION_CONFIG)

    def changed(self) -> asyncio.Event:
        return self._control.changed()


@asynccontextmanager
async def offer_desk(mesh: MiniMesh, rules: RuleBook | None = None) -> AsyncIterator[Desk]:
    """Let requests of a started mesh be held, by ``meshloom debug break`` too, while inside; what
    is shown of them is without what ``rules`` say is secret (None: the usual ones).
    """
    from debugger.desk.desk import Desk
    from debugger.desk.server import serve
    from debugger.gate.gate import Gate
    from mini_mesh.plan import topology
    from tap.redact import Redactor

    gate = Gate(topology(mesh.plan), _ids(), Redactor(rules))
    desk = Desk(gate, EcdsPublisher(mesh.control), time.time)
    folder = mesh.options.folder
    async with desk.open(folder / GATE_SOCKET), serve(desk, folder / DEBUG_SOCKET):
        yield desk


def _ids() -> Iterator[str]:
    """Short, and not those of the run before."""
    return (f"{number & 0xFFFFFF:04x}" for number in itertools.count(0x1000 + randbelow(0xE000)))
