"""The gate: which requests are held, and what becomes of them. Sans-IO, time is an argument.

Rule 1: a request that nobody wants to hold is answered at once, and its stream ends with that.
Rule 2: a hold ends: by a release, with its lease, with its breakpoint, or because its client has
        gone. What then becomes of a request that nobody released, its breakpoint says.
Rule 3: as many are held as ``MAX_HOLDS``; what would be one more goes on, and is told as missed. Of
        bodies as much is kept as ``MAX_HELD``; beyond that they are shown cut off.
Rule 4: what is shown is redacted; what is changed of it is applied to what came.
Rule 5: any bytes are messages or the end of their stream, never an exception.

A session is one request at one Envoy. ``Reply`` and ``Close`` are for the door that its stream came
in by, ``Told`` is for whoever listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from debugger.breakpoints.breakpoint import Breakpoint, Phase
from debugger.gate import answers
from debugger.gate.answers import Abort, Wanted
from debugger.gate.edit import NO_EDIT, Edit, EditError, checked
from debugger.gate.hold import Done, Event, Held, Missed, Release, Released
from debugger.gate.session import Session
from mesh_traffic import replace as of_struct
from tap.ext_proc.messages import parse
from tap.ext_proc.opening import Opening
from tap.redact import Redactor
from tap.topology import Topology
from xds_server.errors import WireError

MAX_HOLDS = 2_000
MAX_HELD = 256 * 1024 * 1024  # bytes
MAX_BREAKPOINTS = 100
GRACE = 5.0  # seconds that Envoy waits longer than the lease, for our own answer

_CLOSED = Abort(503, b"held at a breakpoint, and not released\n", {"content-type": "text/plain"})


class GateError(ValueError):
    """What was asked of the gate can't be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes of a message for the session's Envoy."""

    session: object
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The session's stream is to end: no more is wanted of it."""

    session: object


@dataclass(frozen=True, slots=True)
class Told:
    """Something happened to a hold or a breakpoint."""

    event: Event


Command = Reply | Close | Told


@dataclass(slots=True)
class _Hold:
    held: Held
    session: Session
    breakpoint: Breakpoint
    secrets: Mapping[bytes, bytes]


@dataclass(slots=True)
class _Count:
    """Of one breakpoint."""

    hits: int = 0
    held: int = 0


class Gate:
    """``ids`` names holds and breakpoints. ``topology``: what the addresses of the mesh mean."""

    def __init__(
        self, topology: Topology, ids: Iterator[str], redactor: Redactor | None = None
    ) -> None:
        self.topology = topology
        self._ids = ids
        self._redactor = redactor or Redactor()
        self._breakpoints: dict[str, Breakpoint] = {}
        self._counts: dict[str, _Count] = {}
        self._sessions: dict[object, Session] = {}
        self._holds: dict[str, _Hold] = {}
        self._held_at: dict[object, str] = {}  # holds by session
        self._room = MAX_HELD

    # What there is.

    @property
    def breakpoints(self) -> tuple[Breakpoint, ...]:
        return tuple(self._breakpoints.values())

    @property
    def holds(self) -> tuple[Held, ...]:
        """The oldest first."""
        return tuple(hold.held for hold in self._holds.values())

    def count(self, breakpoint: str) -> tuple[int, int]:
        """How many requests hit that one, and how many of them were held."""
        counted = self._counts.get(breakpoint, _Count())
        return counted.hits, counted.held

    # What people do.

    def new_id(self) -> str:
        """For who has to know it before anything can be held."""
        return next(self._ids)

    def add(self, made: Breakpoint) -> Breakpoint:
        """From now on it holds; the breakpoint with its id, a new one if it has none.

        Raises GateError.
        """
        if len(self._breakpoints) >= MAX_BREAKPOINTS:
            raise GateError(f"there are {MAX_BREAKPOINTS} breakpoints already")
        if made.place.callee and not made.place.listeners(self.topology):
            raise GateError(f"no Envoy is there to hold requests at: {made.place}")
        made = replace(made, id=made.id or self.new_id())
        self._breakpoints[made.id] = made
        self._counts[made.id] = _Count()
        return made

    def remove(self, breakpoint: str, now: float) -> list[Command]:
        """It holds no more, and what it held goes its way. Raises GateError."""
        due = [one for one in self._holds.values() if one.breakpoint.id == breakpoint]
        stepping = [
            one
            for one in self._sessions.values()
            if one.stepping is not None and one.stepping.id == breakpoint
        ]
        if breakpoint not in self._breakpoints and not due and not stepping:
            raise GateError(f"no breakpoint {breakpoint!r}{_known(self._breakpoints)}")
        self._breakpoints.pop(breakpoint, None)
        self._counts.pop(breakpoint, None)
        for session in stepping:
            session.stepping = None
        return [each for hold in due for each in self._end(hold, "removed", now)]

    def release(self, hold: str, release: Release, now: float) -> list[Command]:
        """Let it go as ``release`` says. Raises GateError and EditError; then it is still held."""
        found = self._holds.get(hold)
        if found is None:
            raise GateError(f"no request {hold!r} is held{_known(self._holds)}")
        if release.verb == "abort":
            return self._abort(found, "abort", release.abort, now)
        session, held = found.session, found.held
        edit = checked(release.edit, held.phase, session.exchange, found.secrets)
        if edit.body is not None and not held.whole:
            raise EditError(
                "only the beginning of the body is here, and the rest would follow what you write"
            )
        session.stepping = found.breakpoint if release.verb == "step" else None
        return [*self._let_go(found, release.verb, now), *self._on(session, edit)]

    # What Envoys tell.

    def open(self, key: object, node: str, opening: Opening) -> None:
        """A stream begins: a request at ``node``."""
        self._sessions[key] = Session(key, node, opening, self.topology)

    def receive(self, key: object, data: bytes, now: float) -> list[Command]:
        """A message of the session came."""
        session = self._sessions.get(key)
        if session is None:
            return []
        try:
            message = parse(data)
        except WireError:
            return self._close(session)
        before = session.size
        if key in self._held_at or not session.take(message, self._room):
            return self._close(session)  # what we never asked for
        self._room -= session.size - before
        return self._look(session, now)

    def lost(self, key: object, now: float) -> list[Command]:
        """The stream is over: its client has gone, or its Envoy."""
        session = self._sessions.get(key)
        self._forget(key)
        hold = self._holds.get(self._held_at.get(key, ""))
        if hold is not None:
            return self._let_go(hold, "gone", now, goes_on=False)
        if session is None or session.stepping is None:
            return []
        return [Told(Missed(session.stepping.id, session.node, "it ended before its next phase"))]

    def tick(self, now: float) -> list[Command]:
        """The holds whose lease is over."""
        due = [one for one in self._holds.values() if one.held.until <= now]
        return [each for hold in due for each in self._end(hold, "expired", now)]

    # How it goes on.

    def _look(self, session: Session, now: float) -> list[Command]:
        """What becomes of the session in the phase that has come."""
        stepped, session.stepping = session.stepping, None
        told: list[Command] = []
        holds = stepped
        for one in self._hit(session):
            counted = self._counts[one.id]
            counted.hits += 1
            if counted.hits <= one.skip:
                continue
            counted.held += holds is None
            holds = holds or one
            told += self._done(one)
        if holds is not None and len(self._holds) < MAX_HOLDS:
            return [*self._hold(session, holds, now), *told]
        if holds is not None:
            told.append(Told(Missed(holds.id, session.node, f"{MAX_HOLDS} are held already")))
        return [*told, *self._on(session)]

    def _hit(self, session: Session) -> list[Breakpoint]:
        """Those that mean the session as it is now."""
        here = self._here(session)
        return [one for one in here if one.phase == session.phase and one.match(session.exchange)]

    def _done(self, one: Breakpoint) -> list[Command]:
        """What is to be told if that was the last that it was to hold."""
        if one.limit is None or self._counts[one.id].held < one.limit:
            return []
        del self._breakpoints[one.id], self._counts[one.id]
        return [Told(Done(one))]

    def _here(self, session: Session) -> list[Breakpoint]:
        """The breakpoints at the session's listener."""
        listener, to = session.listener, session.exchange.destination
        return [one for one in self._breakpoints.values() if one.place.holds(listener, to)]

    def _hold(self, session: Session, made: Breakpoint, now: float) -> list[Command]:
        exchange = of_struct(session.exchange, id=next(self._ids))
        shown, secrets = self._redactor.opened(exchange)
        held = Held(
            exchange.id,
            made.id,
            session.node,
            session.phase,
            shown,
            now,
            now + made.lease,
            session.whole,
            dict(session.attributes),
        )
        self._holds[held.id] = _Hold(held, session, made, secrets)
        self._held_at[session.key] = held.id
        return [Reply(session.key, answers.wait(made.lease + GRACE)), Told(held)]

    def _on(self, session: Session, edit: Edit = NO_EDIT) -> list[Command]:
        """It goes on, and is told of no further than anybody wants."""
        wanted = self._wanted(session)
        if edit:
            answer = answers.go_on(session.phase, edit, wanted, session.length)
            session.change(edit)
            if edit.body is not None:
                wanted = replace(wanted, request_body=False, response_body=False)
        else:
            answer = answers.on(session.phase, wanted)
        if session.phase == Phase.REQUEST:
            session.answer_wanted = wanted.response
        more = wanted or (session.phase == Phase.REQUEST_BODY and session.answer_wanted)
        reply = Reply(session.key, answer)
        return [reply] if more else [reply, *self._close(session)]

    def _wanted(self, session: Session) -> Wanted:
        """Which phases are to be told of, as far as that is said in this one."""
        phase, stepping = session.phase, session.stepping is not None
        later = [one for one in self._here(session) if one.phase > phase]
        reads = stepping or any(one.match.bodies for one in later)
        body = reads or any(one.phase in _BODIES for one in later)
        last = max((one.phase for one in later), default=phase)
        if session.ended or session.streams:
            body = False  # there is none, or none whose end could be waited for
        if phase == Phase.REQUEST:
            return Wanted(request_body=body, response=stepping or last >= Phase.RESPONSE)
        return Wanted(response_body=body and phase == Phase.RESPONSE)

    def _end(self, hold: _Hold, how: str, now: float) -> list[Command]:
        """Nobody released it: its breakpoint says what becomes of it."""
        if hold.breakpoint.on_end == "closed":
            return self._abort(hold, how, _CLOSED, now)
        return [*self._let_go(hold, how, now), *self._on(hold.session)]

    def _abort(self, hold: _Hold, how: str, given: Abort, now: float) -> list[Command]:
        told = self._let_go(hold, how, now, goes_on=False)
        reply = Reply(hold.session.key, answers.abort(given))
        return [*told, reply, *self._close(hold.session)]

    def _let_go(self, hold: _Hold, how: str, now: float, goes_on: bool = True) -> list[Command]:
        del self._holds[hold.held.id], self._held_at[hold.session.key]
        return [Told(Released(hold.held.id, how, now - hold.held.since, goes_on))]

    def _close(self, session: Session) -> list[Command]:
        """No more is wanted of it."""
        self._forget(session.key)
        return [Close(session.key)]

    def _forget(self, key: object) -> None:
        session = self._sessions.pop(key, None)
        if session is not None:
            self._room += session.size


_BODIES = (Phase.REQUEST_BODY, Phase.RESPONSE_BODY)


def _known(names: Iterable[str]) -> str:
    shown = sorted(names)[:10]
    return f"; there is {', '.join(shown)}" if shown else "; there is none"
