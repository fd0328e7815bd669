"""Which of several policies counts: they are merged, what is more specific over what is less.

By the policy's own ``targetRef``, then by where it comes from, then by its name, the alphabet from
behind; what they have in ``to`` by whom that is about. Configurations are merged as RFC 7386 says.
https://kuma.io/docs/latest/policies/introduction/#how-policies-are-combined
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.fields import text
from mesh_patterns.importers.kuma import names
from mesh_patterns.importers.kuma.proxies import Proxies, proxies
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node

_RANKS = {
    "Mesh": 0, "MeshSubset": 1, "Dataplane": 1, "MeshGateway": 2, "MeshService": 3,
    "MeshServiceSubset": 4,
}  # fmt: skip
_NEAR = {"Mesh": 0, "MeshService": 1, "MeshExternalService": 2, "MeshMultiZoneService": 3}
_SYSTEM = "-system"
_EFFECT = "kuma.io/effect"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, and the proxies that follow it."""

    source: Source
    ref: Node | None
    followers: Proxies

    @property
    def order(self) -> tuple[object, ...]:
        """What is less specific comes first."""
        kind = text(self.ref, "kind", "Mesh") if self.ref is not None else "Mesh"
        within = [name for name in ("name", "sectionName") if self.ref and self.ref.get(name)]
        return _RANKS.get(kind, 0), len(within), self.owned

    @property
    def owned(self) -> bool:
        """Whether it is somebody's own, and no operator's."""
        return not self.source.object.namespace.endswith(_SYSTEM)


def policies(sources: Iterable[Source], known: Sequence[str]) -> list[Policy]:
    """All of them, in order; what of their specs is not ``known`` is told."""
    found = [each for s in sources if (each := s.notes.guard(_policy, s, known)) is not None]
    found.sort(key=lambda each: each.source.object.name, reverse=True)
    return sorted(found, key=lambda each: each.order)


def _policy(source: Source, known: Sequence[str]) -> Policy | None:
    source.notes.leftovers(source.object.spec, ("targetRef", *known), source.owner)
    if source.object.labels.get(_EFFECT) == "shadow":
        source.approximate("in the shadow, so it does nothing", Node(None, source.object.place))
        return None
    ref = source.object.spec.get("targetRef")
    if ref is not None and text(ref, "kind") == "MeshHTTPRoute":
        return Policy(source, ref, Proxies())
    return Policy(source, ref, proxies(ref, source))


@dataclass(frozen=True, slots=True)
class Item:
    """What a policy says of one destination: ``None`` is all of them; ``route`` a route's name."""

    policy: Policy
    near: tuple[int, bool]
    service: str | None
    route: str
    node: Node
    conf: Node


def items(found: Iterable[Policy], known: Sequence[str]) -> list[Item]:
    """What policies have in ``to``, in order."""
    made = [
        item for policy in found for item in policy.source.notes.collected(_items(policy, known))
    ]
    return sorted(made, key=lambda item: item.near)


def _items(policy: Policy, known: Sequence[str]) -> Iterator[Item]:
    source = policy.source
    route = text(policy.ref, "name") if policy.ref and _is_route(policy.ref) else ""
    for node in source.list("to"):
        source.notes.leftovers(node, ("targetRef", *known), source.owner, "to.")
        ref = node.get("targetRef") or Node(None, node.place)
        kind = text(ref, "kind", "Mesh")
        near = (_NEAR.get(kind, 1), ref.get("sectionName") is not None)
        conf = node.get("default") or Node({}, node.place)
        own = names.named(ref, source)[0].text() if _is_route(ref) else route
        if kind == "Mesh" or own:
            yield Item(policy, near, None, own, node, conf)
        elif kind == "MeshServiceSubset":
            source.skip("to a MeshServiceSubset", ref)
        else:
            entry = names.service(*names.named(ref, source), source)
            yield Item(policy, near, entry.name, "", node, conf)


def _is_route(ref: Node) -> bool:
    return text(ref, "kind") == "MeshHTTPRoute"


def merged(confs: Iterable[Node]) -> Node | None:
    """All of them, later ones over earlier ones; ``None`` of none."""
    made: Node | None = None
    for conf in confs:
        made = conf if made is None else _merge(made, conf)
    return made


def _merge(one: Node, other: Node) -> Node:
    """https://www.rfc-editor.org/rfc/rfc7386#section-2"""
    if not isinstance(one.value, dict) or not isinstance(other.value, dict):
        return other
    made = dict(one.value)
    for name, value in other.value.items():
        if value.value is None:
            made.pop(name, None)
        else:
            made[name] = _merge(made[name], value) if name in made else value
    return Node(made, other.place, other.key)
