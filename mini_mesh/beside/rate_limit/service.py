"""What a mesh knows of its rate limit service: a process, and the rules that it was told."""

from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.beside import RATE_LIMIT
from mini_mesh.beside.own_process import OwnProcess
from mini_mesh.beside.rate_limit.lines import encode
from mini_mesh.events import Event


class RateLimit(OwnProcess):
    """A service beside Envoy. What its process counted is gone when it ends."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        super().__init__(RATE_LIMIT, "mini_mesh.beside.rate_limit.server", encode, report)
