"""What a service beside Envoy is, and the table of those that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mesh_patterns.beside import RATE_LIMIT
from mini_mesh.beside.rate_limit.service import RateLimit
from mini_mesh.events import Event


class Service(Protocol):
    """One of them. What patterns want of it may change while it runs."""

    async def tell(self, parts: Sequence[Any]) -> None:
        """Do what all of these say, once this returns; before :meth:`start`, from then on."""

    async def start(self, socket: Path) -> None:
        """Answer gRPC at this socket, once this returns."""

    async def stop(self) -> None:
        """Answer nobody any more, and leave no socket behind. It may be started again."""


Make = Callable[[Callable[[Event], None]], Service]  # from who hears of what happens to it

# By the name under which patterns ask for it (``Draft.ask``).
SERVICES: Mapping[str, Make] = {RATE_LIMIT: RateLimit}
