"""In which fields what is to be, was sent, was accepted and is in effect are not the same.

A resource is looked at in four stages. Only those are compared that are known: nobody tells the
content of a secret, and a process without an admin interface does not say what it goes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from debugger.configs import endpoints
from debugger.configs.normal import leaves, normal
from debugger.configs.pushed import Pushed
from xds_server.clients.dump import Held
from xds_server.resource import ResourceType

MAX_FIELDS = 50  # of one resource that are told apart; how many differ is told as well

Stage = Literal["to_be", "sent", "accepted", "in_effect", "waiting"]
Content = Mapping[str, Any]
Dump = Mapping[ResourceType, Iterable[Held]]


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field: its value in each stage that has the resource, ``None`` where it is not set."""

    path: str
    values: Mapping[Stage, Any]
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One resource that is not the same in all stages; ``words`` say how, the worst first.

    ``fields`` are at most ``MAX_FIELDS`` of the ``fields_in_all`` that differ.
    """

    type: str
    name: str
    words: tuple[str, ...]
    place: str | None = None
    fields: tuple[FieldDifference, ...] = ()
    fields_in_all: int = 0


@dataclass(slots=True)
class _Node:
    """What one Envoy has of one resource."""

    active: Held | None = None
    waiting: Held | None = None
    refused: Held | None = None
    static: Held | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that is compared of one node. ``dump`` is None where the node does not tell."""

    pushed: Iterable[Pushed]
    dump: Dump | None = None
    unserved: Iterable[tuple[str, str]] = field(default_factory=tuple)  # type, name


def differences(of: Compared) -> Iterator[Difference]:
    """Types in push order, names sorted; then what nobody sent, and what nobody has.

    Raises ``NotReadable`` for content that is none of its type.
    """
    known = {(each.type, each.name): each for each in of.pushed}
    nodes = _by_name(of.dump or {})
    for pushed in known.values():
        told = pushed.type in of.dump if of.dump is not None else False
        here = nodes.get((pushed.type, pushed.name), _Node())
        found = _compare(pushed, here, told)
        if found is not None:
            yield found
    for (kind, name), here in nodes.items():
        unknown = (kind, name) not in known and kind is not ResourceType.ENDPOINT  # or a cluster's
        if unknown and here.static is None and here.active is not None:
            yield Difference(kind.title, name, ("in effect, and nobody sent it",))
    for title, name in of.unserved:
        yield Difference(title, name, ("asked for by the node, and not there to be sent",))


def _by_name(dump: Dump) -> dict[tuple[ResourceType, str], _Node]:
    nodes: dict[tuple[ResourceType, str], _Node] = {}
    for kind, found in dump.items():
        for each in found:
            node = nodes.setdefault((kind, each.name), _Node())
            match each.state:
                case "active":
                    node.active = each
                case "warming":
                    node.waiting = each
                case "refused":
                    node.refused = each
                case "static":
                    node.static = each
    return nodes


def _compare(pushed: Pushed, here: _Node, told: bool) -> Difference | None:
    stages = dict(_stages(pushed, here, told))
    words = tuple(_words(pushed, here, told))
    fields = list(_fields(pushed, stages))
    if not words and not fields:
        return None
    shown = tuple(fields[:MAX_FIELDS])
    words = words or ("in effect is something else than was sent",)
    place = pushed.place or pushed.place_of("")
    return Difference(pushed.type.title, pushed.name, words, place, shown, len(fields))


def _stages(pushed: Pushed, here: _Node, told: bool) -> Iterator[tuple[Stage, Content]]:
    """The content in each stage that has the resource and tells of it."""
    stages: tuple[tuple[Stage, str], ...] = (
        ("to_be", pushed.to_be),
        ("sent", pushed.sent),
        ("accepted", pushed.accepted),
    )
    for stage, version in stages:
        if version in pushed.contents:
            yield stage, _normal(pushed, pushed.contents[version])
    if not told or pushed.type is ResourceType.SECRET:
        return  # of secrets Envoy shows a part, and goes by versions
    if held := here.static or here.active:
        yield "in_effect", _normal(pushed, held.content, own=False)
    if here.waiting:
        yield "waiting", _normal(pushed, here.waiting.content, own=False)


def _normal(pushed: Pushed, content: Content, own: bool = True) -> Content:
    if pushed.type is ResourceType.ENDPOINT:
        content = endpoints.hosted(content)
        if not own:
            content = endpoints.alike(content, endpoints.hosted(pushed.content))
    return normal(pushed.type.type_url, content)


def _words(pushed: Pushed, here: _Node, told: bool) -> Iterator[str]:
    if pushed.error:
        yield f"refused: {pushed.error}"
    elif here.refused is not None and here.refused.error:
        yield f"refused: {here.refused.error}"
    if here.static is not None:
        yield "not in effect: the node's bootstrap has its own of that name, and that one stays"
    elif told:
        yield from _in_effect(pushed, here)
    if pushed.to_be != pushed.sent:
        yield "to be gone, and the node was not told" if not pushed.to_be else "not sent yet"
    elif pushed.sent != pushed.accepted and not pushed.error:
        yield "sent, and not answered yet"


def _in_effect(pushed: Pushed, here: _Node) -> Iterator[str]:
    if here.waiting is not None:
        what = "the one before stays in effect" if here.active else "nothing is in effect"
        yield f"warming since {here.waiting.updated}: {what}"
    elif here.active is None and pushed.to_be:
        yield "not in effect"
    elif here.active is not None and not pushed.to_be:
        yield "still in effect, and it is to be gone"
    elif here.active is not None and pushed.type is ResourceType.SECRET and _is_old(pushed, here):
        yield f"in effect is version {here.active.version}"


def _is_old(pushed: Pushed, here: _Node) -> bool:
    """Versions are a secret's own on Delta; on SotW they are those of responses: nobody knows."""
    version = here.active.version if here.active else ""
    return version != pushed.to_be and version in {pushed.sent, pushed.accepted, *pushed.contents}


def _fields(pushed: Pushed, stages: Mapping[Stage, Content]) -> Iterator[FieldDifference]:
    found = {stage: dict(leaves(content)) for stage, content in stages.items()}
    paths = sorted({path for values in found.values() for path in values})
    for path in paths:
        values = {stage: values.get(path) for stage, values in found.items()}
        first = next(iter(values.values()))
        if any(value != first for value in values.values()):
            yield FieldDifference(path, values, pushed.place_of(path))
