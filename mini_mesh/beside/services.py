"""What a service beside Envoy is, and the table of those that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mesh_patterns.beside import EXT_AUTHZ, RATE_LIMIT
from mini_mesh.beside.ext_authz.service import ExtAuthz
from mini_mesh.beside.rate_limit.service import RateLimit
from mini_mesh.events import Event


class Service(Protocol):
    """One of them. What patterns want of it may change while it runs."""

    def tell(self, parts: Sequence[Any]) -> None:
        """Do what all of these say from now on; before :meth:`start`, too."""

    async def start(self, socket: Path) -> None:
        """Begin to answer gRPC at this socket."""

    async def ready(self) -> None:
        """Until it answers, and as it was told last. Raises ProcessError: it does not."""

    async def stop(self) -> None:
        """Answer nobody any more, and leave no socket behind. It may be started again."""


Make = Callable[[Callable[[Event], None]], Service]  # from who hears of what happens to it

# By the name under which patterns ask for it (``Draft.ask``).
SERVICES: Mapping[str, Make] = {RATE_LIMIT: RateLimit, EXT_AUTHZ: ExtAuthz}
