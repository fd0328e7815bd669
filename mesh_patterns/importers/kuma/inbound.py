"""Policies with ``from`` or ``rules``: what stands before a workload, for all who call or for some.

https://kuma.io/docs/latest/policies/introduction/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.kuma.merging import Policy, merged, policies
from mesh_patterns.importers.kuma.proxies import proxies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_WAYS = ("from", "to", "rules")
MAX_LOOKS = 1_000_000  # at a policy for one workload


@dataclass(frozen=True, slots=True)
class Inbound:
    """What holds before a service, or before a version of it; for one ``caller``, or for all."""

    on: str
    caller: str
    conf: Node
    source: Source


@dataclass(frozen=True, slots=True)
class _Part:
    """``callers`` is ``None`` for all."""

    policy: Policy
    callers: frozenset[str] | None
    conf: Node


def inbounds(sources: Iterable[Source], known: Sequence[str], world: World) -> Iterator[Inbound]:
    """The merged configuration before each workload that any policy is about.

    Raises:
        DocumentError: there are too many policies for so many services.
    """
    found = [part for policy in policies(sources, _WAYS) for part in _parts(policy, known)]
    if len(found) * len(world.catalog.entries) > MAX_LOOKS:
        place = found[0].policy.source.object.place
        raise DocumentError.at(place, f"more than {MAX_LOOKS} pairs of a policy and a service")
    for entry in list(world.catalog.entries.values()) if found else ():
        near = [part for part in found if part.policy.followers.has(entry.name)]
        if near and entry.outside is None:
            yield from _of_entry(near, entry)


def _parts(policy: Policy, known: Sequence[str]) -> list[_Part]:
    return policy.source.notes.collected(_read(policy, known))


def _read(policy: Policy, known: Sequence[str]) -> Iterator[_Part]:
    source = policy.source
    for node in source.list("from"):
        source.notes.leftovers(node, ("targetRef", "default"), source.owner, "from.")
        whom = proxies(node.get("targetRef"), source)
        conf = node.get("default") or Node({}, node.place)
        source.notes.leftovers(conf, known, source.owner, "from.default.")
        callers = None if whom.everybody else frozenset(whom.services)
        yield _Part(policy, callers, conf)
    for node in source.list("rules"):
        source.notes.leftovers(node, ("default", "matches"), source.owner, "rules.")
        conf = node.get("default") or Node({}, node.place)
        source.notes.leftovers(conf, known, source.owner, "rules.default.")
        matches = node.get("matches")
        if matches is not None and matches.value:
            source.skip("a rule of some callers, by their SPIFFE ids", matches)
            continue
        yield _Part(policy, None, conf)


def _of_entry(near: Sequence[_Part], entry: Entry) -> Iterator[Inbound]:
    """For a whole service, or for each version where a policy is about some of them."""
    apart = any(part.policy.followers.services.get(entry.name) for part in near)
    for variant in entry.variants.values() if apart else ():
        here = [part for part in near if _covers(part.policy, entry.name, variant.name)]
        yield from _before(entry.target(variant), here)
    if not apart:
        yield from _before(entry.name, near)


def _covers(policy: Policy, service: str, version: str) -> bool:
    versions = policy.followers.services.get(service)
    return versions is None or version in versions


def _before(on: str, here: Sequence[_Part]) -> Iterator[Inbound]:
    whole = [part for part in here if part.callers is None]
    conf = merged(part.conf for part in whole)
    if conf is not None:
        yield Inbound(on, "", conf, whole[-1].policy.source)
    named = dict.fromkeys(name for part in here for name in sorted(part.callers or ()))
    for name in named:
        mine = [part for part in here if part.callers is None or name in part.callers]
        own = merged(part.conf for part in mine)
        if own is not None:
            yield Inbound(on, name, own, mine[-1].policy.source)
