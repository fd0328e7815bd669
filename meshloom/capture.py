"""What a run captures with, beside the access log: the table of detailed sources, and their wiring.

``buffered`` and ``streamed`` are Envoy's admin tap of requests, ``sockets`` is that of connections;
``ext_proc`` is a filter that the control plane switches on and off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import asyncio

    from mini_mesh.control.plane import ControlPlane
    from mini_mesh.mesh import MiniMesh
    from tap.sources.admin_tap import OpenSource
    from tap.traces.request import Rule, TapRequest

Name = Literal["buffered", "streamed", "ext_proc", "sockets"]


@dataclass(frozen=True, slots=True)
class Detailed:
    """A detailed source. ``processed``: its requests are sent to the mesh's ``Processor``.
    ``sockets``: it taps transport sockets, and not the requests in them."""

    open: Callable[[MiniMesh], OpenSource]
    streamed: bool = False
    processed: bool = False
    sockets: bool = False

    def request(self) -> TapRequest:
        """What to ask of an Envoy for somebody who wants all."""
        from tap.traces.request import SOCKETS_REQUEST, TapRequest

        return SOCKETS_REQUEST if self.sockets else TapRequest(streamed=self.streamed)


def _admin_tap(mesh: MiniMesh) -> OpenSource:
    from tap.sources.admin_tap import open_admin_tap

    return open_admin_tap


def _ext_proc(mesh: MiniMesh) -> OpenSource:
    from tap.sources.ext_proc import ExtProc

    door = ExtProc(EcdsSwitch(mesh.control))
    return lambda target, request: door.open(target.node, request)


SOURCES: Mapping[Name, Detailed] = {
    "buffered": Detailed(_admin_tap),
    "streamed": Detailed(_admin_tap, streamed=True),
    "ext_proc": Detailed(_ext_proc, processed=True),
    "sockets": Detailed(_admin_tap, streamed=True, sockets=True),
}


class EcdsSwitch:
    """Tells the Envoys of a mesh what to capture: by the filter config that they get by ECDS."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def turn(self, node: str, rule: Rule | None) -> None:
        from mesh_patterns.compile.ext_proc import extension
        from tap.ext_proc.matcher import predicate_of

        wanted = False if rule is None else predicate_of(rule) or True
        self._control.publish(node, extension(node, wanted))

    def standing(self, node: str) -> str:
        from xds_server.resource import ResourceType

        return self._control.standing(node, ResourceType.EXTENSION_CONFIG)

    def changed(self) -> asyncio.Event:
        return self._control.changed()
