"""Requests that are held while the page shows them: who holds them is a ``Holder``.

mitmweb calls such a flow intercepted, and offers to edit, resume and abort it. That exists on the
page only where a holder is given, and only for the message that is held. ``edits`` is plain: what a
browser sends, as a changed exchange. ``controls`` is the door: the addresses, and what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mesh_traffic import Exchange
from tap.content import Side


class Refused(ValueError):
    """What somebody asked of the page can't be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a flow that is or was held. ``words`` begin its comment, or ``refused``
    does: why what somebody asked last was not done.

    ``held``: the message that waits and can be edited; None: it goes its way. ``over``: no response
    comes any more, if there is none yet.
    """

    words: str
    held: Side | None = None
    over: bool = False
    refused: str = ""

    def comment(self) -> tuple[str, ...]:
        return (f"refused: {self.refused}", self.words) if self.refused else (self.words,)


class Holder(Protocol):
    """Who lets flows go. It shows what became of them by ``Page.hold``."""

    async def resume(self, flow_id: str, changed: Exchange) -> None:
        """Let it go on as it is now. Raises Refused; then it is still held."""

    async def kill(self, flow_id: str) -> None:
        """Let nobody get it; its client gets an error. Raises Refused."""
