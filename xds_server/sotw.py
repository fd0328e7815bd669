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

from collections.abc import Callable, Iterable, Mapping

from xds_server.messages import SotwRequest, SotwResponse
from xds_server.node import NodeInfo
from xds_server.resource import SENT_WHOLE, Resource, ResourceType, short_hash
from xds_server.session import WAITING, Due, Output, Session
from xds_server.snapshot import Snapshot
from xds_server.substream import State, Substream


class SotwSession(Session):
    """One ``StreamAggregatedResources`` call."""

    def __init__(self, node: NodeInfo, clock: Callable[[], float]) -> None:
        super().__init__(node, clock)
        self._claimed: dict[ResourceType, str] = {}  # versions that a client came back with
        self._whole: dict[ResourceType, Mapping[str, Resource]] = {}  # what full state was sent

    def receive(self, request: SotwRequest) -> list[Output]:
        """One request: the responses that it leads to, and what it says, as events.

        Raises ``RemoteXdsError`` for a subscription beyond all measure. A type that is not known
        here has no resources, so nobody is answered about it.
        """
        kind = ResourceType.of(request.type_url)
        if kind is None:
            return []
        sub = self._substreams.get(kind)
        if sub is None:
            sub = self._substreams[kind] = Substream(kind)
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
        before = book.wildcard, book.names
        sub.asked.update(book.replace(names))
        if (book.wildcard, book.names) != before:
            sub.settled = ""
            sub.forget_unwanted()

    def _flush(self) -> list[Output]:
        if self._snapshot is not None:
            for kind in SENT_WHOLE:
                self._recognise(kind, self._snapshot)
        return super()._flush()

    def _recognise(self, kind: ResourceType, snapshot: Snapshot) -> None:
        sub = self._substreams.get(kind)
        if sub is None or sub.state is not State.IDLE or not sub.book.wildcard:
            return
        if self._claimed[kind] == snapshot.version(kind):
            sub.holds("", snapshot.versions(kind))
            self._whole[kind] = snapshot.resources(kind)

    def _due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        if sub.kind in SENT_WHOLE:
            return self._whole_due(sub, snapshot)
        return self._changes_due(sub, snapshot)

    def _whole_due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        version = snapshot.version(sub.kind)
        had = self._whole.get(sub.kind, {})
        wanted, versions = self._wanted(sub, snapshot)
        leaving = self._leaving(sub, snapshot, had)
        if leaving:
            wanted = dict(sorted({**wanted, **{name: had[name] for name in leaving}}.items()))
            versions = {name: each.version for name, each in wanted.items()}
            version = f"{version}+{short_hash(repr(leaving).encode())}"
        if not all(self._may_go(each, snapshot) for each in wanted.values()):
            return Due(version, complete=False, sendable=False)
        if sub.state is not State.IDLE and versions == sub.known and not sub.asked:
            return Due(version, complete=False, sendable=False) if leaving else None
        return Due(version, tuple(wanted.values()), complete=not leaving)

    def _wanted(
        self, sub: Substream, snapshot: Snapshot
    ) -> tuple[Mapping[str, Resource], Mapping[str, str]]:
        served, versions = snapshot.resources(sub.kind), snapshot.versions(sub.kind)
        if sub.book.wildcard:
            return served, versions
        names = sorted(sub.book.names & served.keys())
        return {n: served[n] for n in names}, {n: versions[n] for n in names}

    def _changes_due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        wanted, versions = self._wanted(sub, snapshot)
        lacking = [n for n, v in versions.items() if n in sub.asked or sub.known.get(n) != v]
        if not lacking:
            return None
        ready = [name for name in lacking if self._may_go(wanted[name], snapshot)]
        version, complete = snapshot.version(sub.kind), len(ready) == len(lacking)
        if not ready:
            return Due(version, complete=False, sendable=False)
        again, held = self._again(sub, wanted, lacking)
        resources = tuple(wanted[name] for name in sorted(ready + again))
        told = version if complete else f"{version}~"
        return Due(told, resources, complete=complete, held=held)

    def _response(self, sub: Substream, due: Due, nonce: str) -> SotwResponse:
        versions = {each.name: each.version for each in due.resources}
        if sub.kind in SENT_WHOLE:
            self._whole[sub.kind] = {each.name: each for each in due.resources}
            sub.known = versions
        else:
            sub.known = {**sub.known, **versions}
        return SotwResponse(sub.kind, due.version, nonce, due.resources)

    def _changed_clusters(self, sub: Substream, due: Due) -> Iterable[Resource]:
        return [r for r in due.resources if sub.known.get(r.name, r.version) != r.version]
