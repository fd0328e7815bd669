"""What a service beside Envoy is, and the table of those that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Service(Protocol):
    """One of them. What patterns want of it may change while it runs."""

    def tell(self, parts: Sequence[Any]) -> None:
        """Do what all of these say from now on; before :meth:`start`, too."""

    async def start(self, socket: Path) -> None:
        """Answer gRPC at this socket, once this returns."""

    async def stop(self) -> None:
        """Answer nobody any more, and leave no socket behind. It may be started again."""


# By the name under which patterns ask for it (``Draft.ask``).
SERVICES: Mapping[str, Callable[[], Service]] = {}
