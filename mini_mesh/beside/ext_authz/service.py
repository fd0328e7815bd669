"""What a mesh knows of its external authorization: a process, and the policies it was told."""

from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.beside import EXT_AUTHZ
from mini_mesh.beside.ext_authz.lines import encode
from mini_mesh.beside.own_process import OwnProcess
from mini_mesh.events import Event


class ExtAuthz(OwnProcess):
    """A service beside Envoy."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        super().__init__(EXT_AUTHZ, "mini_mesh.beside.ext_authz.server", encode, report)
