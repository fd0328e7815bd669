"""One type on one stream: what the client wants of it, was sent, and said about that.

The types of an aggregated stream are independent of each other (xDS protocol, "Aggregated
Discovery Service"), so each has its own state, nonce and subscription.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from types import MappingProxyType

from xds_server.catalogue import EMPTY_PARCEL, Catalogue
from xds_server.clients.view import Refusal, TypeView
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.known import Known
from xds_server.sessions.subscription import Subscription, collection_of


class State(Enum):
    IDLE = auto()  # nothing was sent yet
    WAITING = auto()  # the last response is neither ACKed nor NACKed: nothing more is sent
    ACKED = auto()
    NACKED = auto()

    __hash__ = object.__hash__


class Step(Enum):
    SEND = auto()
    ACK = auto()
    NACK = auto()
    HOLD = auto()  # a client that comes back holds what it would be sent

    __hash__ = object.__hash__


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
    """``known`` is what the client was sent last, NACKed or not; ``accepted``, of clusters, what it
    took.

    ``asked`` are names that have to be answered although nothing changed; ``rejected`` those of a
    NACKed response, to be sent again with the next change but not for themselves.
    """

    __slots__ = (
        "accepted",
        "asked",
        "book",
        "in_flight",
        "kind",
        "known",
        "nonce",
        "refusal",
        "rejected",
        "removed",
        "sent_at",
        "settled",
        "state",
        "told",
        "version",
    )

    def __init__(self, kind: ResourceType) -> None:
        self.kind = kind
        self.book = Subscription(kind)
        self.state = State.IDLE
        self.nonce = ""
        self.version = ""  # of the last response
        self.told = ""  # the version of the last response that the client took
        self.known = Known(self.book)
        self.asked: set[str] = set()
        self.rejected: set[str] = set()
        self.accepted = Known(self.book)
        self.settled = ""  # the snapshot's version of which nothing is left to send
        self.in_flight: tuple[Resource, ...] = EMPTY_PARCEL
        self.removed: tuple[str, ...] = ()  # by the response under way
        self.sent_at: float | None = None
        self.refusal: Refusal | None = None  # the last one, while something of it is rejected

    def follow(self, served: Catalogue) -> None:
        """What is served of the type may have changed."""
        if self.known.shared is not served:
            self.known.follow(served)
        if self.accepted.shared is not served:
            self.accepted.follow(served)

    def subscribed(self, was_wildcard: bool, before: frozenset[str]) -> None:
        """The book has changed: a name that is wanted no longer is new when asked for once more."""
        self.known.subscribed(was_wildcard, before)
        self.accepted.subscribed(was_wildcard, before)
        for names in (self.rejected, self.asked):
            names.intersection_update([name for name in names if self.book.wants(name)])
        self.settled = ""

    def asked_of(self, served: Catalogue) -> set[str]:
        """The names of all that is served and has to be answered although nothing changed."""
        names, book = served.resources, self.book
        found = self.asked & names.keys()
        if book.meant:
            meant = {book.meant[name] for name in self.asked if name in book.meant}
            found |= meant & names.keys()
        if book.collections:
            asked = self.asked & book.collections
            found.update(name for name in names if collection_of(name) in asked)
        return found

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
        self.told = self.version
        if not self.rejected:
            self.refusal = None
        self.in_flight = EMPTY_PARCEL
        self._accept_known()

    def nacked(self, taken: frozenset[str]) -> None:
        """``taken``: names of the response that the client took in spite of its NACK."""
        self.step(Step.NACK)
        refused = (*self.removed, *(each.name for each in self.in_flight))
        self.rejected.update(name for name in refused if self.book.wants(name))
        if self.kind is ResourceType.CLUSTER:
            self.accepted.add(each for each in self.in_flight if each.name in taken)
        self.in_flight = EMPTY_PARCEL

    def holds(self, version: str, served: Catalogue) -> None:
        """The client said that it has all this already."""
        self.step(Step.HOLD)
        self.version = version
        self.told = served.version
        self.known.share(served)
        self._accept_known()

    def _accept_known(self) -> None:
        if self.kind is ResourceType.CLUSTER:  # of the others nobody asks
            self.accepted = self.known.copy()

    def view(self) -> TypeView:
        """Where the client stands; it may be asked for at any time."""
        book, refusal = self.book, self.refusal
        if refusal is not None:
            refusal = replace(refusal, names=refusal.names & self.rejected)
        return TypeView(
            self.kind,
            book.wildcard,
            book.names.difference(book.meant) | book.asked_by.keys() if book.meant else book.names,
            self.known.versions(),
            self.version,
            self.sent_at,
            self.in_flight,
            refusal,
        )
