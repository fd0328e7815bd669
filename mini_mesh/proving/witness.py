"""A door: what Envoys tell of each request that crosses them, for claims about it.

It is the tap's hub with nobody who watches: access logs come by themselves, headers and bodies are
asked for while a claim is about them, spans come where a pattern sends them. Nothing is redacted,
since nothing is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from mesh_patterns.expect import ClaimSpec
from mesh_traffic import Exchange
from mini_mesh.mesh import MiniMesh
from mini_mesh.plan import topology
from tap.access_log import SOURCE as LOG
from tap.language.match import read_match
from tap.live.hub import Hub, TapTarget
from tap.redact import Redactor, Rules

MAX_KEPT = 200_000  # exchanges and spans of one claim
QUIET = 0.3  # seconds in which nothing more came: an Envoy tells within 0.05
QUIET_SPANS = 0.6  # of a chain of Envoys each tells its own within 0.2
LATEST = 10.0  # seconds after the last answer


@dataclass(slots=True)
class Testimony:
    """What was told of a claim's requests, in the order in which it came. ``lost`` is how much was
    not: it could not be read, or was too much."""

    exchanges: list[Exchange] = field(default_factory=list)
    lost: int = 0


class Witness:
    """Hears all of one mesh; ``hub`` is to be given its sources."""

    def __init__(self, mesh: MiniMesh) -> None:
        targets = [TapTarget(node, admin) for node, admin in mesh.admins.items()]
        self._testimony: Testimony | None = None
        self._since, self._until = 0.0, float("inf")
        self.hub = Hub(
            targets,
            topology(mesh.plan),
            redact=Redactor(Rules(off=True)),
            keep=self._keep,
            logged=True,
        )

    @asynccontextmanager
    async def hearing(self, claim: ClaimSpec) -> AsyncIterator[Testimony]:
        """What is told while inside, and soon after: it is all there when this is left."""
        testimony = Testimony()
        with ExitStack() as stack:
            if _is_detailed(claim):
                stack.enter_context(self.hub.watch())
                await self.hub.attached()
            lost = self._lost()
            self._testimony, self._since = testimony, time.time()
            self._until = float("inf")
            try:
                yield testimony
                # health checks, for one, go on: what begins now is none of the claim's
                self._until = time.time()
                await self._settled(testimony, QUIET_SPANS if claim.traces else QUIET)
                testimony.lost += self._lost() - lost
            finally:
                self._testimony = None

    def _lost(self) -> int:
        counts = self.hub.coverage().sources
        return counts[LOG].lost if LOG in counts else 0

    def _keep(self, exchanges: list[Exchange]) -> None:
        if self._testimony is None:
            return
        kept = self._testimony.exchanges
        # of requests of the claim before, an Envoy may tell only now
        kept += [each for each in exchanges if self._since <= each.started <= self._until]
        if len(kept) > MAX_KEPT:
            self._testimony.lost += len(kept) - MAX_KEPT
            del kept[MAX_KEPT:]

    async def _settled(self, testimony: Testimony, quiet: float) -> None:
        end = time.monotonic() + LATEST
        before = -1
        while len(testimony.exchanges) != before and time.monotonic() < end:
            before = len(testimony.exchanges)
            await asyncio.sleep(quiet)


def _is_detailed(claim: ClaimSpec) -> bool:
    """Whether access logs do not tell enough."""
    return bool(claim.captures) or any(read_match(each).message for each in claim.in_order)
