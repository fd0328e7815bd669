"""What could become of a request: the nouns of a derivation."""

from __future__ import annotations

from msgspec import Struct

from debugger.explain.filters.verdict import Verdict
from debugger.explain.served import Piece
from debugger.explain.upstream.patience import Patience
from debugger.explain.upstream.target import Target
from debugger.routing.decision import Action, Decision, NonForwarding, Redirect, Respond, RouteLook


class Way(Struct, frozen=True):
    """One thing that could become of it: by this route, or by none.

    ``filters`` end with the first that surely answers. ``cluster`` is a note where nobody can say
    which cluster it is.
    """

    look: RouteLook | None
    action: Action
    place: str = ""
    filters: tuple[Verdict, ...] = ()
    targets: tuple[Target, ...] = ()
    patience: Patience | None = None
    mirrors: tuple[tuple[str, str], ...] = ()  # clusters that get a copy, and the line
    unsure: str = ""  # why the targets may not be all

    @property
    def route(self) -> str:
        return self.look.name if self.look else ""

    @property
    def stopped(self) -> Verdict | None:
        """The filter that surely answers instead."""
        last = self.filters[-1] if self.filters else None
        return last if last is not None and last.stops else None

    @property
    def status(self) -> int | None:
        """What Envoy surely answers by itself; ``None``: it does not, or not surely that."""
        if self.stopped is not None:
            return self.stopped.status
        return self.action.status if isinstance(self.action, Respond | Redirect) else None

    @property
    def forwards(self) -> bool:
        return bool(self.targets) or bool(self.unsure)

    @property
    def refuses(self) -> bool:
        return isinstance(self.action, NonForwarding)


class Step(Struct, frozen=True):
    """One decision in words: ``what`` was decided, what was ``found``, and ``why``."""

    what: str
    found: str
    why: str = ""
    place: str = ""


class Derived(Struct, frozen=True):
    """What follows from a snapshot. ``steps`` come before the route; ``ways`` are all that could
    become of it, in order: one, unless chance or something unknown decides.

    ``closed`` is why Envoy does not take the connection or the request at all. ``notes`` are what
    limits all of this.
    """

    node: str
    steps: tuple[Step, ...] = ()
    decision: Decision | None = None
    table: Piece | None = None  # the route table that it is about
    protocol: str = "http"  # or "tcp", "grpc"
    ways: tuple[Way, ...] = ()
    closed: str = ""
    notes: tuple[str, ...] = ()
