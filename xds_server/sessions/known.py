"""What a client was sent last, told by how it differs from what is served.

A client that has all that it wants costs nothing here: what it has is the catalogue itself, shared
by all. What it has besides, in another version, or does not have yet, is told name by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from xds_server.catalogue import Catalogue
from xds_server.resource import Resource
from xds_server.sessions.subscription import Subscription

_NOTHING: Mapping[str, Resource] = MappingProxyType({})


class Known:
    """Resources by name, of those that a ``book`` wants.

    ``differs`` comes before ``shared``: what the client has of a name, ``None`` where it has
    nothing. Without a shared catalogue, it has what is in ``differs`` and no more.
    """

    __slots__ = ("_book", "differs", "shared")

    def __init__(self, book: Subscription, has: Mapping[str, Resource] = _NOTHING) -> None:
        self._book = book
        self.shared: Catalogue | None = None
        self.differs: dict[str, Resource | None] = dict(has)

    def get(self, name: str) -> Resource | None:
        """What the client has of a name that it wants."""
        if name in self.differs or self.shared is None:
            return self.differs.get(name)
        return self.shared.resources.get(name)

    def __iter__(self) -> Iterator[str]:
        """The names of all that the client has."""
        if self.shared is not None:
            names = self._book.among(self.shared.resources)
            yield from (name for name in names if name not in self.differs)
        yield from (name for name, has in self.differs.items() if has is not None)

    def versions(self) -> Mapping[str, str]:
        """The version of each resource that the client has, by name."""
        if self.shared is not None and self._book.wildcard and not self.differs:
            return self.shared.versions
        has = ((name, self.get(name)) for name in self)
        return {name: each.version for name, each in has if each is not None}

    def lacking(self, served: Catalogue) -> Iterable[str]:
        """The names that are served and wanted, and that the client has not in that version."""
        resources, names = served.resources, self._candidates(served.resources)
        if not self.differs:
            return names  # either it has nothing yet, or all
        return [name for name in names if not self._has(resources[name])]

    def _has(self, resource: Resource) -> bool:
        has = self.get(resource.name)
        return has is not None and has.version == resource.version

    def _candidates(self, served: Mapping[str, Resource]) -> Iterable[str]:
        if self.shared is not None:
            return [name for name in self.differs if name in served]
        return self._book.among(served)

    def gone(self, served: Catalogue) -> dict[str, Resource]:
        """What the client has and is served no more."""
        resources = served.resources
        return {
            name: has
            for name, has in self.differs.items()
            if has is not None and name not in resources
        }

    def changed(self, served: Catalogue) -> Iterator[Resource]:
        """Of what is served, all that the client has in another version."""
        for name, has in self.differs.items():
            new = served.resources.get(name)
            if has is not None and new is not None and new.version != has.version:
                yield new

    def missing(self, served: Catalogue) -> Collection[str]:
        """The names that are served and of which the client has nothing, wanted or not."""
        if self.shared is served:
            names: Iterable[str] = self.differs
        else:
            names = served.resources
        return [name for name in names if name in served.resources and self.get(name) is None]

    def copy(self) -> Known:
        made = Known(self._book)
        made.shared, made.differs = self.shared, self.differs.copy()
        return made

    # what happens

    def follow(self, served: Catalogue) -> None:
        """What is served changed: what the client has is now told by its difference from that."""
        shared, book = self.shared, self._book
        if shared is None or shared is served:
            return
        if served.aliases:
            self.spell_out(book.wildcard, book.names)
            return
        names = served.changes_since(shared)
        for name in names if book.wildcard else names & book.names:
            has = self.get(name)
            if has is not None or name in served.resources:
                self.differs[name] = has
            else:
                self.differs.pop(name, None)
        self.shared = served

    def add(self, resources: Iterable[Resource]) -> None:
        """The client is sent these, in the version that is served where they are served."""
        served = self.shared.resources if self.shared is not None else _NOTHING
        for each in resources:
            if each.name in served:
                self.differs.pop(each.name, None)
            else:
                self.differs[each.name] = each

    def lose(self, names: Iterable[str]) -> None:
        """The client has these no more."""
        for name in names:
            if self.shared is not None and name in self.shared.resources:
                self.differs[name] = None
            else:
                self.differs.pop(name, None)

    def replace(self, resources: Iterable[Resource]) -> None:
        """The client has these and nothing else."""
        self.shared = None
        self.differs = {each.name: each for each in resources}

    def share(self, served: Catalogue) -> None:
        """The client has what it wants of what is served, and nothing else."""
        if self._book.collections:
            self.replace(served.resources[name] for name in self._book.among(served.resources))
        else:
            self.shared, self.differs = served, {}

    def settle(self, served: Catalogue) -> None:
        """The client has what it wants of what is served, and may have more.

        What was asked for by an alias or a collection is told name by name: it may come to mean
        something else.
        """
        if self._may_share(served):
            self.differs = dict(self.gone(served)) if self.differs else {}
            self.shared = served

    def _may_share(self, served: Catalogue) -> bool:
        return not (served.aliases or self._book.collections)

    def take(self, resources: Iterable[Resource], served: Catalogue, all_of_it: bool) -> None:
        """The client is sent ``resources``; ``all_of_it``: all that it lacked of what is served."""
        if all_of_it and self._may_share(served):
            self.settle(served)
        else:
            self.add(resources)

    # what the client wants changes

    def subscribed(self, was_wildcard: bool, before: frozenset[str]) -> None:
        """The book says something else than ``before``: a name that is new is not had yet."""
        book = self._book
        if was_wildcard != book.wildcard or book.collections:
            self.spell_out(was_wildcard, before)
        elif not book.wildcard and self.shared is not None:
            new = (name for name in book.names - before if name in self.shared.resources)
            self.differs.update(dict.fromkeys(new))
        for name in [name for name in self.differs if not book.wants(name)]:
            del self.differs[name]

    def spell_out(self, wildcard: bool, names: Iterable[str]) -> None:
        """Tells name by name what the client has of what it wanted until now."""
        if self.shared is None:
            return
        served = self.shared.resources
        had = served if wildcard else (name for name in names if name in served)
        told = {name: self.get(name) for name in (*had, *self.differs)}
        self.shared, self.differs = None, told
