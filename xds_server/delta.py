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

from collections.abc import Iterable

from xds_server.messages import DeltaRequest, DeltaResponse
from xds_server.resource import Resource, ResourceType
from xds_server.session import WAITING, Due, Output, Session
from xds_server.snapshot import Snapshot
from xds_server.substream import State, Substream


class DeltaSession(Session):
    """One ``DeltaAggregatedResources`` call."""

    def receive(self, request: DeltaRequest) -> list[Output]:
        """One request: the responses that it leads to, and what it says, as events.

        Raises ``RemoteXdsError`` for a subscription beyond all measure. A type that is not known
        here has no resources, so nobody is answered about it.
        """
        kind = ResourceType.of(request.type_url)
        if kind is None:
            return []
        output: list[Output] = []
        sub = self._substreams.get(kind)
        if sub is None:
            sub = self._substreams[kind] = Substream(kind)
            sub.book.change(request.subscribe, request.unsubscribe, first=True)
            sub.known = {n: v for n, v in request.holds.items() if sub.book.wants(n)}
            sub.asked.update(name for name in sub.book.names if name not in sub.known)
            if kind is ResourceType.VIRTUAL_HOST:
                sub.asked.update(f"{name}/" for name in self._routes())
            return self._flush()
        if request.nonce and request.nonce == sub.nonce and sub.state is WAITING:
            output += self._answered(sub, request.error)
        if request.subscribe or request.unsubscribe:
            self._change(sub, request)
        return output + self._flush()

    def _routes(self) -> Iterable[str]:
        """The route configurations whose virtual hosts the client may want."""
        routes = self._substreams.get(ResourceType.ROUTE)
        if routes is not None:
            return routes.known
        return self._snapshot.resources(ResourceType.ROUTE) if self._snapshot else ()

    def _change(self, sub: Substream, request: DeltaRequest) -> None:
        book = sub.book
        before = book.names
        book.change(request.subscribe, request.unsubscribe, first=False)
        sub.asked.update(book.names.intersection(request.subscribe))
        if book.wildcard:
            sub.asked.update(before - book.names)
        sub.forget_unwanted()
        sub.settled = ""

    def _due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        served = snapshot.resources(sub.kind)
        sub.book.translate(snapshot.aliases(sub.kind), served)
        lacking = self._lacking_names(sub, snapshot)
        ready = [name for name in lacking if self._may_go(served[name], snapshot)]
        leaving = self._leaving(sub, snapshot, sub.known)
        unknown = self._unknown(sub, snapshot)
        removed = self._removed(sub, snapshot).difference(leaving, unknown)
        complete = len(ready) == len(lacking) and not leaving
        version = snapshot.version(sub.kind)
        if not (ready or removed or unknown):
            if not complete:
                return Due(version, complete=False, sendable=False)
            return Due(version) if sub.state is State.IDLE else None
        again, held = self._again(sub, served, lacking)
        removed |= sub.rejected.difference(served, leaving)
        resources = tuple(served[name] for name in sorted(ready + again))
        told = version if complete else f"{version}~"
        gone, nobody = tuple(sorted(removed)), tuple(sorted(unknown))
        return Due(told, resources, gone, nobody, complete, held=held)

    def _lacking_names(self, sub: Substream, snapshot: Snapshot) -> list[str]:
        versions, known, asked, book = snapshot.versions(sub.kind), sub.known, sub.asked, sub.book
        names: Iterable[str] = versions
        if not book.wildcard:
            names = [name for name in book.names if name in versions]
        if book.meant:
            names = {*names, *book.asked_by}
            asked = asked | {book.meant[each] for each in asked if each in book.meant}
        return [n for n in names if known.get(n) != versions[n] or n in asked]

    def _unknown(self, sub: Substream, snapshot: Snapshot) -> set[str]:
        """Hosts that a request waits for and nobody knows: Envoy takes no removal for an answer."""
        if sub.kind is not ResourceType.VIRTUAL_HOST:
            return set()
        found = snapshot.resources(sub.kind).keys() | sub.book.meant.keys() | sub.known.keys()
        return {n for n in sub.asked if n not in found and not n.endswith("/")}

    def _removed(self, sub: Substream, snapshot: Snapshot) -> set[str]:
        served, meant = snapshot.resources(sub.kind), sub.book.meant
        return {n for n in (*sub.known, *sub.asked) if n not in served and n not in meant}

    def _response(self, sub: Substream, due: Due, nonce: str) -> DeltaResponse:
        known = {name: v for name, v in sub.known.items() if name not in due.removed}
        sub.known = {**known, **{each.name: each.version for each in due.resources}}
        aliases = {}
        if sub.book.meant:
            aliases = {each.name: self._aliases(sub, each) for each in due.resources}
        return DeltaResponse(
            sub.kind, due.version, nonce, due.resources, due.removed, aliases, due.unknown
        )

    def _aliases(self, sub: Substream, resource: Resource) -> tuple[str, ...]:
        asked_by = sub.book.asked_by.get(resource.name, ())
        return tuple(sorted({*resource.aliases, *asked_by})) if asked_by else ()

    def _changed_clusters(self, sub: Substream, due: Due) -> Iterable[Resource]:
        return [r for r in due.resources if sub.known.get(r.name, r.version) != r.version]
