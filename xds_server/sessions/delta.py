"""The incremental session: changes of the subscription in, changes of the resources out.

Rules (xDS protocol, "Incremental xDS"), besides those of ``session.py``:

1. A change of the subscription counts whatever its nonce is; a nonce only tells which response an
   ACK or NACK is about.
2. Each name that is subscribed is answered, with the resource or as removed, also when the client
   has it. So is a name given back by a client that takes everything.
3. A client that comes back says in its first request of a type which versions it holds: those are
   not sent again, and those that are gone are sent as removed.
4. The first request of a type is answered even where there is nothing to tell: clients wait for it
   while they initialise. A later one that asks for nothing gets nothing.
5. A removed resource is told once, to those that had it or asked for it.
6. A resource that was asked for by an alias is sent with it. A virtual host that nobody knows is
   answered by a resource without a body, which ends the wait of the request that asked for it.
   ("Virtual Host Discovery Service")
7. Virtual hosts are sent to those that name them only. But Envoy 1.40 holds a route configuration
   back, 15 s long, until it is told of any name in it: ``<route configuration>/`` as removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xds_server.catalogue import Catalogue, Parcel
from xds_server.resource import WILDCARD, Resource, ResourceType
from xds_server.sessions.known import Known
from xds_server.sessions.messages import DeltaRequest, DeltaResponse, Lifetimes
from xds_server.sessions.session import WAITING, Due, Output, Session
from xds_server.sessions.substream import State, Substream
from xds_server.snapshot import Snapshot


class DeltaSession(Session):
    """One ``DeltaAggregatedResources`` call."""

    def _receive(self, kind: ResourceType, request: DeltaRequest) -> list[Output]:
        sub = self._substreams.get(kind)
        if sub is None:
            self._first(self._opened(kind), request)
            return self._flush()
        output: list[Output] = []
        if request.nonce and request.nonce == sub.nonce and sub.state is WAITING:
            output += self._answered(sub, request.error)
        if request.subscribe or request.unsubscribe:
            self._change(sub, request)
        return output + self._flush()

    def _first(self, sub: Substream, request: DeltaRequest) -> None:
        sub.book.change(request.subscribe, request.unsubscribe, first=True)
        if request.holds:
            held = {name: v for name, v in request.holds.items() if sub.book.wants(name)}
            sub.known = Known(sub.book, _claims(sub.kind, held))
        sub.asked.update(name for name in sub.book.names if name not in request.holds)
        if sub.kind is ResourceType.VIRTUAL_HOST:
            sub.asked.update(f"{name}/" for name in self._routes())

    def _routes(self) -> Iterable[str]:
        """The route configurations whose virtual hosts the client may want."""
        routes = self._substreams.get(ResourceType.ROUTE)
        if routes is not None:
            return routes.known
        return self._snapshot.resources(ResourceType.ROUTE) if self._snapshot else ()

    def _change(self, sub: Substream, request: DeltaRequest) -> None:
        book = sub.book
        wildcard, before = book.wildcard, book.names
        book.change(request.subscribe, request.unsubscribe, first=False)
        sub.asked.update(book.names.intersection(request.subscribe))
        if book.wildcard:
            sub.asked.update(before - book.names)
        sub.subscribed(wildcard, before)

    def _due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        served = snapshot.catalogue(sub.kind)
        sub.book.translate(served.aliases, served.resources)
        lacking = self._lacking_names(sub, served)
        ready = self._ready(sub, lacking, snapshot)
        leaving = self._leaving(sub, snapshot)
        unknown = self._unknown(sub, served)
        removed = self._removed(sub, served).difference(leaving, unknown)
        complete = len(ready) == len(lacking) and not leaving
        version = served.version
        if not (ready or removed or unknown):
            if not complete:
                return Due(version, complete=False, sendable=False)
            return Due(version) if sub.state is State.IDLE else None
        again, held = self._again(sub, snapshot, lacking)
        removed.update(n for n in sub.rejected if n not in served.resources and n not in leaving)
        told = version if complete else f"{version}~"
        gone, nobody = tuple(sorted(removed)), tuple(sorted(unknown))
        return Due(told, served.parcel(ready + again), gone, nobody, complete, held=held)

    def _lacking_names(self, sub: Substream, served: Catalogue) -> set[str]:
        return sub.asked_of(served).union(sub.known.lacking(served))

    def _unknown(self, sub: Substream, served: Catalogue) -> set[str]:
        """Hosts that a request waits for and nobody knows: Envoy takes no removal for an answer."""
        if sub.kind is not ResourceType.VIRTUAL_HOST:
            return set()
        found = served.resources.keys() | sub.book.meant.keys() | set(sub.known)
        return {n for n in sub.asked if n not in found and not n.endswith("/")}

    def _removed(self, sub: Substream, served: Catalogue) -> set[str]:
        """Names that are to be told as removed: had or asked for, and served under no name."""
        book = sub.book
        names = {*sub.known.gone(served), *sub.asked}
        missing = {name for name in names if name not in served.resources}
        return missing - book.collections - book.meant.keys() if missing else missing

    def _response(self, sub: Substream, due: Due, served: Catalogue, nonce: str) -> DeltaResponse:
        sub.known.lose(due.removed)
        sub.known.take(due.resources, served, due.complete)
        aliases = {}
        if sub.book.meant:
            aliases = {each.name: self._aliases(sub, each) for each in due.resources}
        told = due.resources, due.removed, aliases, due.unknown
        return DeltaResponse(sub.kind, due.version, nonce, *told, self._lifetimes(sub))

    def _renewal(
        self, sub: Substream, late: Parcel, served: Catalogue, nonce: str
    ) -> DeltaResponse:
        return DeltaResponse(sub.kind, served.version, nonce, late, lifetimes=Lifetimes.RENEWED)

    def _aliases(self, sub: Substream, resource: Resource) -> tuple[str, ...]:
        asked_by = sub.book.asked_by.get(resource.name, ())
        return tuple(sorted({*resource.aliases, *asked_by})) if asked_by else ()


def _claims(kind: ResourceType, holds: Mapping[str, str]) -> dict[str, Resource]:
    """What a client says that it has: names and versions, of which nobody knows the content."""
    named = ((name, version) for name, version in holds.items() if name not in ("", WILDCARD))
    return {name: Resource(kind, name, b"", version) for name, version in named}
