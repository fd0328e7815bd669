"""Where people come with breakpoints (a door): tells Envoys what to send to the gate, and people
what is held there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from debugger.breakpoints.breakpoint import Breakpoint
from debugger.breakpoints.rows import rows_of
from debugger.gate.door import Door
from debugger.gate.gate import Command, Gate, GateError
from debugger.gate.hold import Done, Event, Release
from mesh_patterns.compile.gate import Row
from tap.topology import Topology

IN_EFFECT_WITHIN = 5.0  # seconds for Envoys to take what they are told

Listener = Callable[[Event], None]


class Publisher(Protocol):
    """Who tells Envoys what to send to the gate."""

    def publish(self, node: str, rows: Sequence[Row]) -> None:
        """From now on the Envoy sends these requests, and no others."""

    def standing(self, node: str) -> str:
        """Why the Envoy does not go by what it was told yet; "" when it does."""

    def changed(self) -> asyncio.Event:
        """Set when ``standing`` may have changed; to be asked for before it."""


class Desk:
    """The gate of a running mesh, for everybody who uses it. ``clock`` gives epoch seconds."""

    def __init__(self, gate: Gate, publisher: Publisher, clock: Callable[[], float]) -> None:
        self.gate = gate
        self._publisher = publisher
        self._door = Door(gate, self._heard, clock)
        self._clock = clock
        self._listeners: list[Listener] = []
        self._published: dict[str, list[Row]] = {}  # by node, where there are any

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[None]:
        """Take requests of Envoys at ``path`` while inside; at the end, nothing is held any more.
        Raises OSError if nobody can listen there."""
        async with self._door.listening(path):
            try:
                yield
            finally:
                for one in self.gate.breakpoints:
                    self._carry_out(self.gate.remove(one.id, self._clock()))

    @contextmanager
    def listening(self, heard: Listener) -> Iterator[None]:
        """Tell ``heard`` of all that happens while inside."""
        self._listeners.append(heard)
        try:
            yield
        finally:
            self._listeners.remove(heard)

    async def add(self, made: Breakpoint) -> Breakpoint:
        """The breakpoint with its id, when all Envoys that it is about go by it.

        Raises GateError: there is none, or it is not there in time; then it is not added.
        """
        made = self.gate.add(made)
        nodes = made.place.listeners(self.gate.topology)
        self._publish()
        try:
            async with asyncio.timeout(IN_EFFECT_WITHIN):
                for node in nodes:
                    await self._in_effect(node)
        except TimeoutError as error:
            why = [f"{node}: {w}" for node in nodes if (w := self._publisher.standing(node))]
            self.remove(made.id)
            raise GateError("; ".join(why) or "the Envoys do not answer") from error
        except asyncio.CancelledError:
            self.remove(made.id)
            raise
        return made

    def remove(self, breakpoint: str) -> None:
        """It holds no more, and what it held goes its way. Raises GateError."""
        self._carry_out(self.gate.remove(breakpoint, self._clock()))
        self._publish()

    def release(self, hold: str, release: Release) -> None:
        """Let a held request go. Raises GateError and EditError; then it is still held."""
        self._carry_out(self.gate.release(hold, release, self._clock()))

    def learn(self, topology: Topology) -> None:
        """The mesh has changed."""
        self.gate.topology = topology
        self._publish()

    async def _in_effect(self, node: str) -> None:
        while True:
            changed = self._publisher.changed()
            if not self._publisher.standing(node):
                return
            await changed.wait()

    def _publish(self) -> None:
        """Tell those Envoys for which something has changed."""
        topology = self.gate.topology
        nodes = {listener.node for listener in topology.listeners.values()}
        wanted = {
            node: rows for node in nodes if (rows := rows_of(self.gate.breakpoints, node, topology))
        }
        for node in nodes & (wanted.keys() | self._published.keys()):
            if wanted.get(node, []) != self._published.get(node, []):
                self._publisher.publish(node, wanted.get(node, []))
        self._published = wanted

    def _carry_out(self, commands: Iterable[Command]) -> None:
        self._door.carry_out(commands)

    def _heard(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
        if isinstance(event, Done):
            self._publish()
