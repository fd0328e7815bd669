"""All resources of one type in a snapshot: immutable, versioned by content.

A catalogue that differs from another in little shares with it all that did not change, and knows
the names that did. What is worked out for a change is worked out once, for all streams.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from xds_server.aliases import Aliases
from xds_server.errors import ResourceError
from xds_server.references import Reference
from xds_server.resource import Resource, short_hash

MAX_KEPT = 32  # changes since another catalogue, and parcels, that one catalogue remembers

Needs = Mapping[str, Mapping[str, int]]  # message → name → how many references there are

_SIZE = 16  # bytes of a fingerprint: two contents of one sum are one in 2**128
_MODULUS = 1 << 8 * _SIZE
_serial = itertools.count()


class Parcel(tuple[Resource, ...]):
    """Resources that go out together, in the order of their names: one for all streams."""

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self)


EMPTY_PARCEL = Parcel()


class Catalogue:
    """Resources by name. Build it with ``Catalogue.of``, and further ones with ``replacing``."""

    def __init__(self, resources: Mapping[str, Resource], total: int) -> None:
        """``resources`` are sorted by name; ``total`` is the sum of their fingerprints."""
        self.resources = MappingProxyType(resources)
        self.version = short_hash(total.to_bytes(_SIZE))
        self._total = total
        self._serial = next(_serial)
        self._changes: dict[int, frozenset[str]] = {}
        self._parcels: dict[tuple[str, ...], Parcel] = {}

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Catalogue:
        """Raises ``ResourceError`` where two resources have one name.

        Two in one response are a NACK (xDS protocol, "Duplicate resource names").
        """
        found: dict[str, Resource] = {}
        for each in resources:
            if found.setdefault(each.name, each) is not each:
                raise ResourceError(f"{each.type.title} {each.name!r}: two resources of this name")
        total = _sum(map(_fingerprint, found.values()))
        return cls({name: found[name] for name in sorted(found)}, total)

    def replacing(
        self, changed: Mapping[str, Resource], removed: Collection[str] = ()
    ) -> Catalogue:
        """This catalogue with some resources added, changed or taken away."""
        had, new = self.resources, changed.values()
        gone = frozenset(removed) & had.keys()
        old = [had[name] for name in (*changed, *gone) if name in had]
        total = self._total + _sum(map(_fingerprint, new)) - _sum(map(_fingerprint, old))
        made = Catalogue(_merged(had, changed, gone), total % _MODULUS)
        moved = (each.name for each in new if _version(had.get(each.name)) != each.version)
        made._changes[self._serial] = gone.union(moved)
        made._inherit(self, old, new)
        return made

    def _inherit(self, before: Catalogue, old: list[Resource], new: Collection[Resource]) -> None:
        """Takes over what ``before`` worked out already, as far as it still holds."""
        if "needs" in before.__dict__:
            self.__dict__["needs"] = _moved(before.needs, old, new)
        if "aliases" in before.__dict__ and _further_names(old) == _further_names(new):
            self.__dict__["aliases"] = before.aliases
        mortal = any(each.ttl is not None for each in (*old, *new))
        if "lifetimes" in before.__dict__ and not mortal:
            self.__dict__["lifetimes"] = before.lifetimes

    def changes_since(self, other: Catalogue) -> frozenset[str]:
        """The names whose resources are not what they were in ``other``; found once for each."""
        if other is self:
            return frozenset()
        found = self._changes.get(other._serial)
        if found is None:
            found = self._changes[other._serial] = _difference(other.resources, self.resources)
            _bound(self._changes)
        return found

    def parcel(self, names: Collection[str]) -> Parcel:
        """The resources of these names, each of which is in the catalogue."""
        if len(names) == len(self.resources):
            return self.everything
        key = tuple(sorted(names)) if len(names) > 1 else tuple(names)
        found = self._parcels.get(key)
        if found is None:
            found = self._parcels[key] = Parcel(self.resources[name] for name in key)
            _bound(self._parcels)
        return found

    @functools.cached_property
    def everything(self) -> Parcel:
        return Parcel(self.resources.values())

    @functools.cached_property
    def versions(self) -> Mapping[str, str]:
        """The version of each resource by its name."""
        return MappingProxyType({name: each.version for name, each in self.resources.items()})

    @functools.cached_property
    def aliases(self) -> Aliases:
        """What the resources may be asked for by, besides their names."""
        return Aliases(self.resources.values())

    @functools.cached_property
    def lifetimes(self) -> Mapping[float, tuple[Resource, ...]]:
        """The resources that live for a limited time only, by that time in seconds."""
        found: dict[float, list[Resource]] = {}
        for each in self.resources.values():
            if each.ttl is not None:
                found.setdefault(each.ttl, []).append(each)
        return MappingProxyType({ttl: tuple(each) for ttl, each in found.items()})

    @functools.cached_property
    def needs(self) -> Needs:
        """What the resources refer to, by the full name of its message."""
        return _moved({}, (), self.resources.values())


def _fingerprint(resource: Resource) -> int:
    content = f"{resource.name}\0{resource.version}".encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=_SIZE).digest())


def _sum(fingerprints: Iterable[int]) -> int:
    """Of all fingerprints, in whatever order: one that comes or goes is added or taken away."""
    return sum(fingerprints) % _MODULUS


def _version(resource: Resource | None) -> str | None:
    return resource.version if resource else None


def _merged(
    had: MappingProxyType[str, Resource], changed: Mapping[str, Resource], gone: Iterable[str]
) -> dict[str, Resource]:
    made = had | dict(changed)  # a copy in C; {**had} asks the proxy for each key
    for name in gone:
        del made[name]
    if changed.keys() <= had.keys():
        return made
    return {name: made[name] for name in sorted(made)}


def _difference(before: Mapping[str, Resource], after: Mapping[str, Resource]) -> frozenset[str]:
    both = {n for n, each in after.items() if _version(before.get(n)) != each.version}
    return frozenset(both | (before.keys() - after.keys()))


def _moved(needs: Needs, old: Iterable[Resource], new: Iterable[Resource]) -> Needs:
    """The references without those of ``old`` and with those of ``new``."""
    steps: dict[Reference, int] = {}
    for resources, step in ((old, -1), (new, 1)):
        for each in resources:
            for reference in each.references:
                steps[reference] = steps.get(reference, 0) + step
    made: dict[str, dict[str, int]] = {}
    for reference, step in steps.items():
        if step:
            if reference.message not in made:
                made[reference.message] = dict(needs.get(reference.message, ()))
            names = made[reference.message]
            names[reference.name] = names.get(reference.name, 0) + step
            if not names[reference.name]:
                del names[reference.name]
    return {**needs, **made}


def _further_names(resources: Iterable[Resource]) -> dict[str, tuple[str, ...]]:
    """All that aliases are made of: of each resource, whether it is there and what else it is."""
    return {each.name: each.aliases + each.domains for each in resources}


def _bound(kept: dict[Any, Any]) -> None:
    if len(kept) > MAX_KEPT:
        del kept[next(iter(kept))]
