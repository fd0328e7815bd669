"""The state-of-the-world session: whole lists of names in, whole answers out.

Rules (xDS protocol), besides those of ``session.py``:

1. A request with a stale nonce is never answered: a newer response is on its way, and its ACK will
   say all that this request says. ("Resource updates")
2. The list of names replaces the one before. A name that is new in it is answered even though it
   did not change or was sent earlier. ("How the client specifies what resources to return")
3. Listeners, clusters and scoped routes are sent whole each time: what is left out is deleted. Of
   all other types only what changed is sent, since clients keep the rest. ("Grouping resources
   into responses")
4. A client that comes back names the version it has, and no nonce. Where it takes everything of
   listeners or clusters at that very version, there is nothing to send; of the other types it may
   have dropped some since, so they are sent again. ("ACK and NACK semantics")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xds_server.catalogue import Catalogue, Parcel
from xds_server.node import NodeInfo
from xds_server.resource import SENT_WHOLE, Resource, ResourceType, short_hash
from xds_server.sessions.heartbeats import KNOWS_TTL, KNOWS_WRAPPED, MORTAL_IN_SOTW
from xds_server.sessions.messages import Lifetimes, SotwRequest, SotwResponse
from xds_server.sessions.session import WAITING, Due, Output, Session
from xds_server.sessions.substream import State, Substream
from xds_server.snapshot import Snapshot


class SotwSession(Session):
    """One ``StreamAggregatedResources`` call."""

    features = (KNOWS_TTL, KNOWS_WRAPPED)
    mortal = MORTAL_IN_SOTW

    def __init__(self, node: NodeInfo, clock: Callable[[], float]) -> None:
        super().__init__(node, clock)
        self._claimed: dict[ResourceType, str] = {}  # versions that a client came back with

    def _receive(self, kind: ResourceType, request: SotwRequest) -> list[Output]:
        sub = self._substreams.get(kind)
        if sub is None:
            sub = self._opened(kind)
            if kind in SENT_WHOLE:
                self._claimed[kind] = request.version
        if request.nonce and sub.nonce and request.nonce != sub.nonce:
            return []
        output: list[Output] = []
        if request.nonce and sub.state is WAITING:
            output += self._answered(sub, request.error)
        self._subscribe(sub, request.names)
        return output + self._flush()

    def _subscribe(self, sub: Substream, names: tuple[str, ...]) -> None:
        book = sub.book
        wildcard, before = book.wildcard, book.names
        sub.asked.update(book.replace(names))
        if book.wildcard != wildcard or book.names != before:
            sub.subscribed(wildcard, before)

    def _flush(self) -> list[Output]:
        if self._snapshot is not None:
            for kind in tuple(self._claimed):
                self._recognise(self._substreams[kind], self._snapshot)
        return super()._flush()

    def _recognise(self, sub: Substream, snapshot: Snapshot) -> None:
        if sub.state is not State.IDLE:
            del self._claimed[sub.kind]
        elif sub.book.wildcard and self._claimed[sub.kind] == snapshot.version(sub.kind):
            sub.holds("", snapshot.catalogue(sub.kind))

    def _due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        if sub.kind in SENT_WHOLE:
            return self._whole_due(sub, snapshot)
        return self._changes_due(sub, snapshot)

    def _whole_due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        served = snapshot.catalogue(sub.kind)
        leaving = self._leaving(sub, snapshot)
        wanted, version = self._wanted(sub, served), served.version
        if leaving:
            kept = {each.name: each for each in (*wanted, *leaving.values())}
            wanted = Parcel(kept[name] for name in sorted(kept))
            version = f"{version}+{short_hash(repr(sorted(leaving)).encode())}"
        elif len(self._ready(sub, wanted.names, snapshot)) < len(wanted):
            return Due(version, complete=False, sendable=False)
        if sub.state is not State.IDLE and not sub.asked and not _differs(sub, served, leaving):
            return Due(version, complete=False, sendable=False) if leaving else None
        return Due(version, wanted, complete=not leaving)

    def _wanted(self, sub: Substream, served: Catalogue) -> Parcel:
        if sub.book.wildcard:
            return served.everything
        return served.parcel(list(sub.book.among(served.resources)))

    def _changes_due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        served = snapshot.catalogue(sub.kind)
        lacking = sub.asked_of(served).union(sub.known.lacking(served))
        if not lacking:
            return None
        ready = self._ready(sub, lacking, snapshot)
        complete = len(ready) == len(lacking)
        if not ready:
            return Due(served.version, complete=False, sendable=False)
        again, held = self._again(sub, snapshot, lacking)
        told = served.version if complete else f"{served.version}~"
        return Due(told, served.parcel(ready + again), complete=complete, held=held)

    def _response(self, sub: Substream, due: Due, served: Catalogue, nonce: str) -> SotwResponse:
        if sub.kind not in SENT_WHOLE:
            sub.known.take(due.resources, served, due.complete)
        elif due.complete:
            sub.known.share(served)
        else:
            sub.known.replace(due.resources)
        return SotwResponse(sub.kind, due.version, nonce, due.resources, self._lifetimes(sub))

    def _renewal(
        self, sub: Substream, late: Parcel, served: Catalogue, nonce: str
    ) -> SotwResponse | None:
        """The same once more, since clients take nothing else for a sign of life.

        What was refused in part is not sent again: its next version is the sign.
        """
        if sub.kind in SENT_WHOLE:
            if sub.rejected or sub.settled != served.version:
                return None
            late = self._wanted(sub, served)
        return SotwResponse(sub.kind, sub.told, nonce, late, Lifetimes.TOLD)


def _differs(sub: Substream, served: Catalogue, leaving: Mapping[str, Resource]) -> bool:
    """Whether the client has anything else than what is served and what is leaving."""
    lacking = bool(sub.known.lacking(served))
    return lacking or sub.known.gone(served).keys() != leaving.keys()
