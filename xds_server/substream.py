"""One type on one stream: what the client wants of it, was sent, and said about that.

The types of an aggregated stream are independent of each other (xDS protocol, "Aggregated
Discovery Service"), so each has its own state, nonce and subscription.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum, auto
from types import MappingProxyType

from xds_server.resource import Resource, ResourceType
from xds_server.subscription import Subscription
from xds_server.view import Refusal, TypeView


class State(Enum):
    IDLE = auto()  # nothing was sent yet
    WAITING = auto()  # the last response is neither ACKed nor NACKed: nothing more is sent
    ACKED = auto()
    NACKED = auto()


class Step(Enum):
    SEND = auto()
    ACK = auto()
    NACK = auto()
    HOLD = auto()  # a client that comes back holds what it would be sent


# Every change of a substream's state is in this table.
TRANSITIONS: Mapping[tuple[State, Step], State] = MappingProxyType(
    {
        (State.IDLE, Step.SEND): State.WAITING,
        (State.IDLE, Step.HOLD): State.ACKED,
        (State.WAITING, Step.ACK): State.ACKED,
        (State.WAITING, Step.NACK): State.NACKED,
        (State.ACKED, Step.SEND): State.WAITING,
        (State.NACKED, Step.SEND): State.WAITING,
    }
)


class Substream:
    """``known`` holds the versions that the client was sent last, by name, NACKed or not.

    ``asked`` are names that have to be answered although nothing changed; ``rejected`` those of a
    NACKed response, to be sent again with the next change but not for themselves.
    """

    def __init__(self, kind: ResourceType) -> None:
        self.kind = kind
        self.book = Subscription(kind)
        self.state = State.IDLE
        self.nonce = ""
        self.version = ""  # of the last response
        self.known: Mapping[str, str] = {}
        self.asked: set[str] = set()
        self.rejected: set[str] = set()
        self.accepted: frozenset[str] = frozenset()  # the names that the client took
        self.settled = ""  # the snapshot's version of which nothing is left to send
        self.in_flight: tuple[Resource, ...] = ()
        self.removed: tuple[str, ...] = ()  # by the response under way
        self.sent_at: float | None = None
        self.refusal: Refusal | None = None  # the last one, while something of it is rejected

    def forget_unwanted(self) -> None:
        """Names that the client no longer wants: asked for once more, they are new to it."""
        names = (*self.known, *self.rejected, *self.asked)
        unwanted = {name for name in names if not self.book.wants(name)}
        if unwanted:
            self.known = {name: v for name, v in self.known.items() if name not in unwanted}
            self.rejected -= unwanted
            self.asked -= unwanted

    def step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state, step]

    def sent(
        self,
        nonce: str,
        version: str,
        resources: tuple[Resource, ...],
        removed: tuple[str, ...],
        held: frozenset[str] = frozenset(),
    ) -> None:
        """A response is under way; of what was rejected, it takes all along but ``held``."""
        self.step(Step.SEND)
        self.nonce, self.version = nonce, version
        self.in_flight, self.removed = resources, removed
        self.asked.clear()
        self.rejected &= held

    def acked(self) -> None:
        self.step(Step.ACK)
        if not self.rejected:
            self.refusal = None
        self._accept(self.known)

    def nacked(self, taken: frozenset[str]) -> None:
        """``taken``: names of the response that the client took in spite of its NACK."""
        self.step(Step.NACK)
        refused = (*self.removed, *(each.name for each in self.in_flight))
        self.rejected.update(name for name in refused if self.book.wants(name))
        self._accept(self.accepted | taken)

    def holds(self, version: str, known: Mapping[str, str]) -> None:
        """The client said that it has all this already."""
        self.step(Step.HOLD)
        self.version = version
        self.known = known
        self._accept(known)

    def view(self) -> TypeView:
        """Where the client stands; it may be asked for at any time."""
        book, refusal = self.book, self.refusal
        if refusal is not None:
            refusal = replace(refusal, names=refusal.names & self.rejected)
        return TypeView(
            self.kind,
            book.wildcard,
            book.names.difference(book.meant) | book.asked_by.keys() if book.meant else book.names,
            self.known,
            self.version,
            self.sent_at,
            self.in_flight,
            refusal,
        )

    def _accept(self, names: Iterable[str]) -> None:
        self.in_flight = ()
        if self.kind is ResourceType.CLUSTER:  # of the others nobody asks
            self.accepted = frozenset(names)
