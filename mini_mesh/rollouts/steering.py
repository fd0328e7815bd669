"""A door: looks at what came of the canaries' requests, and serves their next weights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mesh_patterns.draft import Draft
from mesh_patterns.rollout import Rollout, give
from mini_mesh.events import Event, Grew
from mini_mesh.rollouts.rollout import Progress, Step
from mini_mesh.rollouts.seen import Seen, read, together

if TYPE_CHECKING:
    import aiohttp

    from mini_mesh.mesh import MiniMesh

LOOK = 0.25  # seconds between two looks: how late a bad canary is noticed, at most
TIMEOUT = 2.0  # seconds for an Envoy's answer; one that is away has nothing to tell


class Steering:
    """The rollouts of one mesh; ``report`` hears of their steps."""

    def __init__(self, mesh: MiniMesh, report: Callable[[Event], None]) -> None:
        self._mesh = mesh
        self._report = report
        self._under_way: dict[Rollout, Progress] = {}
        self._before: dict[Rollout, Seen] = {}  # what was seen when a step began
        self._task: asyncio.Task[None] | None = None

    def settle(self, draft: Draft) -> None:
        """Give ``draft`` the weights to which the rollouts have come that it has too; to be done
        before it is compiled. New ones begin with their first step."""
        for placed in draft.rollouts:
            progress = self._under_way.get(placed.value)
            if progress is not None:
                give(draft, placed.value, progress.percent)

    def keep(self, draft: Draft) -> None:
        """Steer the rollouts of ``draft``, and no others, from now on."""
        wanted = [placed.value for placed in draft.rollouts]
        now = time.monotonic()
        self._under_way = {
            each: self._under_way.get(each) or Progress(each, now) for each in wanted
        }
        self._before = {each: self._before[each] for each in wanted if each in self._before}
        if self._under_way and self._task is None:
            self._task = asyncio.ensure_future(self._steer())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _steer(self) -> None:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                for rollout, progress in list(self._under_way.items()):
                    if not progress.ended:
                        await self._look(session, rollout, progress)
                await asyncio.sleep(LOOK)

    async def _look(
        self, session: aiohttp.ClientSession, rollout: Rollout, progress: Progress
    ) -> None:
        now = await self._seen(session, rollout)
        before = self._before.setdefault(rollout, now)
        step = progress.look(now.since(before), time.monotonic())
        if step is not None and self._under_way.get(rollout) is progress:
            self._before[rollout] = now
            self._take(rollout, step)

    def _take(self, rollout: Rollout, step: Step) -> None:
        give(self._mesh.draft, rollout, step.percent)
        self._mesh.serve_again()
        service, version = rollout.service, str(rollout.canary)
        self._report(Grew(service, version, step.percent, step.why, step.ended, step.withdrawn))

    async def _seen(self, session: aiohttp.ClientSession, rollout: Rollout) -> Seen:
        canary = rollout.canary
        found = canary.instances(self._mesh.draft.mesh)
        admins: Mapping[str, str] = self._mesh.admins
        node = next(iter(admins)) if len(admins) == 1 else ""  # one Envoy for all
        parts = (self._of(session, admins[node or each.id], each.id) for each in found)
        return together(await asyncio.gather(*parts))

    async def _of(self, session: aiohttp.ClientSession, admin: str, instance: str) -> Seen:
        import aiohttp

        prefix = f"http.inbound-{instance}"
        wanted = "format=json&histogram_buckets=detailed"
        url = f"http://{admin}/stats?{wanted}&filter=^{prefix}[.]downstream_rq"
        try:
            async with session.get(url) as response:
                stats: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return Seen()
        return read(stats, prefix)
