"""The subscription book: what one client wants of one type on one stream.

Rules, from Envoy's xDS protocol, "How the client specifies what resources to return":

- An empty list where no name was ever given is the legacy wildcard (listeners and clusters; Envoy
  does the same for scoped routes). After a name it is what it says: nothing.
- ``*`` is the wildcard, alone or beside names. Without it in a later list it has ended.
- ``xdstp://authority/type/folder/*`` is a collection: all resources whose names are that but for
  the last part (xRFC TP1, "glob collections"). Context parameters have to be the same.
- SotW lists say the whole subscription each time; Delta says what is added and taken away, and a
  name added beside the legacy wildcard leaves that standing.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

from xds_server.aliases import Aliases
from xds_server.errors import RemoteXdsError
from xds_server.resource import WILDCARD, ResourceType

MAX_NAMES = 65_536  # of one type on one stream; more than that is no mesh but a mistake

_XDSTP = "xdstp://"
_NO_NAMES: frozenset[str] = frozenset()
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NOWHERE: tuple[Aliases | None, frozenset[str]] = (None, _NO_NAMES)
_LEGACY_WILDCARD = (ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.SCOPED_ROUTE)


_MANY = 32  # names; from here on it is worth a look whether another stream has the same
_kept: WeakValueDictionary[int, frozenset[str]] = WeakValueDictionary()


def _shared(names: frozenset[str]) -> frozenset[str]:
    """The same names, kept once for all streams that want just these."""
    if len(names) < _MANY:
        return names
    kept = _kept.get(hash(names))
    if kept is None or kept != names:
        kept = _kept[hash(names)] = names
    return kept


class Subscription:
    """Names, and whether everything is wanted besides.

    ``collections`` are those of the names that stand for many. ``meant``: where a name is an alias,
    the name of the resource that it stands for; ``asked_by`` the other way round.
    """

    __slots__ = (
        "_found",
        "_found_for",
        "_kind",
        "_named_once",
        "asked_by",
        "collections",
        "meant",
        "names",
        "wildcard",
    )

    def __init__(self, kind: ResourceType) -> None:
        self._kind = kind
        self._named_once = False
        self.wildcard = False
        self.names = _NO_NAMES
        self.collections = _NO_NAMES
        self.meant: Mapping[str, str] = _NOTHING
        self.asked_by: Mapping[str, tuple[str, ...]] = _NOTHING
        self._found: Mapping[str, str | None] = _NOTHING
        self._found_for = _NOWHERE

    def replace(self, names: Collection[str]) -> frozenset[str]:
        """A SotW request's list; returns the names that were not in the one before.

        Raises ``RemoteXdsError`` (RESOURCE_EXHAUSTED) for more than ``MAX_NAMES``.
        """
        if not names and not self._named_once:
            self.wildcard = self._kind in _LEGACY_WILDCARD
            return frozenset()
        given = frozenset(names)
        self._named_once = True
        self.wildcard = WILDCARD in given
        before = self.names
        if given == before:
            return _NO_NAMES
        self._take(given - {WILDCARD} if self.wildcard else given)
        return self.names - before

    def change(self, subscribe: Iterable[str], unsubscribe: Iterable[str], first: bool) -> None:
        """A Delta request's lists; ``first`` is the first request of the type on its stream.

        Raises ``RemoteXdsError`` (RESOURCE_EXHAUSTED) for more than ``MAX_NAMES``.
        """
        added, dropped = frozenset(subscribe), frozenset(unsubscribe)
        if first and not added and not dropped:
            self.wildcard = self._kind in _LEGACY_WILDCARD
        self.wildcard = (self.wildcard and WILDCARD not in dropped) or WILDCARD in added
        self._take(((self.names - dropped) | added) - {WILDCARD})

    def translate(self, aliases: Aliases, served: Container[str]) -> None:
        """Finds what the names stand for that are not served under themselves.

        What was found among the same ``aliases`` before is not looked for again.
        """
        if not (aliases or self.meant) or self._found_for == (aliases, self.names):
            return
        kept = self._found if self._found_for[0] is aliases else {}
        self._found_for = aliases, self.names
        self._found = {
            name: kept[name] if name in kept else aliases.resolve(name)
            for name in self.names
            if name not in served
        }
        self.meant = {asked: name for asked, name in self._found.items() if name is not None}
        asked_by: dict[str, list[str]] = {}
        for asked, name in sorted(self.meant.items()):
            asked_by.setdefault(name, []).append(asked)
        self.asked_by = {name: tuple(each) for name, each in asked_by.items()}

    def wants(self, name: str) -> bool:
        if self.wildcard or name in self.names or name in self.asked_by:
            return True
        if self.collections and collection_of(name) in self.collections:
            return True
        return self._kind is ResourceType.VIRTUAL_HOST and name.endswith("/")  # all of a config

    def among(self, served: Mapping[str, object]) -> Collection[str]:
        """The names that are served and wanted."""
        if self.wildcard:
            return served.keys()
        if self.collections:
            return [name for name in served if self.wants(name)]
        names = self.names.union(self.asked_by) if self.asked_by else self.names
        return served.keys() & names

    def _take(self, names: frozenset[str]) -> None:
        if len(names) > MAX_NAMES:
            raise RemoteXdsError(
                f"{self._kind.title}: got {len(names)} names, wanted at most {MAX_NAMES}",
                "RESOURCE_EXHAUSTED",
            )
        self.names = _shared(names)
        elsewhere = [name for name in names if name.startswith(_XDSTP)]
        self.collections = frozenset(filter(_is_collection, elsewhere)) if elsewhere else _NO_NAMES


def _is_collection(name: str) -> bool:
    return name.partition("?")[0].endswith("/*")


def collection_of(name: str) -> str | None:
    """The collection that a resource of this name is in; only ``xdstp://`` names are in one."""
    if not name.startswith(_XDSTP):
        return None
    path, mark, context = name.partition("?")
    return f"{path.rpartition('/')[0]}/*{mark}{context}"
