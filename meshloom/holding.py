"""Breakpoints in tests: ``from meshloom.testing import breakpoint``.

::

    async with mesh("canary.yaml") as m, breakpoint(m, "reviews when ~m POST") as hits:
        asked = asyncio.create_task(m.post("/productpage"))
        held = await hits.next()
        assert held.exchange.request.path == "/productpage"
        held.go_on(headers={"x-plan": "team"})
        assert (await asked).status == 200
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debugger.desk.desk import Desk
    from debugger.gate.hold import Event, Held
    from mesh_traffic import Exchange
    from meshloom.testing import LiveMesh

PATIENCE = 5.0  # seconds until a request has to be held
LEASE = 60.0  # seconds of a hold: a test that forgot one goes on


class HeldRequest:
    """One request that a breakpoint holds; ``exchange`` is what is known of it, without secrets."""

    def __init__(self, desk: Desk, held: Held, hits: Hits) -> None:
        self.held = held
        self._desk = desk
        self._hits = hits

    @property
    def exchange(self) -> Exchange:
        return self.held.exchange

    def go_on(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        remove: Iterable[str] = (),
        body: bytes | None = None,
    ) -> None:
        """Let it go, with headers (``:path`` and its like among them) or a body changed.

        Raises GateError: it is not held any more. Raises EditError: that can't be sent.
        """
        self._release("continue", headers, remove, body)

    async def step(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        remove: Iterable[str] = (),
        body: bytes | None = None,
    ) -> HeldRequest:
        """Let it go to its next phase, and hold it there. As :meth:`go_on`, and :meth:`Hits.next`
        for the next one."""
        self._release("step", headers, remove, body)
        return await self._hits.next()

    def abort(self, status: int = 503, body: bytes = b"", **headers: str) -> None:
        """Answer it at once. Raises GateError: it is not held any more."""
        from debugger.gate.answers import Abort
        from debugger.gate.hold import Release

        self._desk.release(self.held.id, Release("abort", abort=Abort(status, body, headers)))

    def _release(
        self,
        verb: Any,
        headers: Mapping[str, str] | None,
        remove: Iterable[str],
        body: bytes | None,
    ) -> None:
        from debugger.gate.edit import Edit
        from debugger.gate.hold import Release

        edit = Edit(dict(headers or {}), tuple(remove), body)
        self._desk.release(self.held.id, Release(verb, edit))


class Hits:
    """What one breakpoint holds."""

    def __init__(self, desk: Desk, sentence: str) -> None:
        self._desk = desk
        self._sentence = sentence
        self._held: asyncio.Queue[Held] = asyncio.Queue()
        self.breakpoint = ""

    async def next(self, within: float = PATIENCE) -> HeldRequest:
        """The next request that is held. AssertionError if none is, ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                held = await self._held.get()
        except TimeoutError:
            hits, _ = self._desk.gate.count(self.breakpoint)
            message = f"nothing was held by {self._sentence!r} within {within:g} s ({hits} hits)"
            raise AssertionError(message) from None
        return HeldRequest(self._desk, held, self)

    def heard(self, event: Event) -> None:
        from debugger.gate.hold import Held

        if isinstance(event, Held) and event.breakpoint == self.breakpoint:
            self._held.put_nowait(event)


@asynccontextmanager
async def breakpoint(live: LiveMesh, sentence: str, **options: Any) -> AsyncIterator[Hits]:
    """Hold what ``sentence`` means, while inside; at the end, what is held goes on.

    ``options`` are those of ``debugger.breakpoints.breakpoint.Breakpoint``: ``limit``, ``skip``,
    ``lease``, ``on_end``. Raises SentenceError for what is no sentence, GateError if it can't be
    set.
    """
    from debugger.breakpoints.breakpoint import Breakpoint
    from debugger.breakpoints.sentence import read_sentence
    from debugger.gate.gate import GateError

    desk = live.desk
    said = read_sentence(sentence, desk.gate.topology.services())
    hits = Hits(desk, sentence)
    hits.breakpoint = desk.gate.new_id()
    given = {"lease": LEASE, **options}
    made = Breakpoint(hits.breakpoint, sentence, said.place, said.match, said.phase, **given)
    with desk.listening(hits.heard):
        await desk.add(made)
        try:
            yield hits
        finally:
            with suppress(GateError):  # it may have held all that it was to hold
                desk.remove(made.id)
