"""Where a node stands with each resource: what is to be, was sent, was accepted, is in effect.

Four things that are easily taken for one. *To be* is the snapshot; *sent* the last response;
*accepted* what the client ACKed; *in effect* what it says itself that it goes by, where somebody
can ask it. Plain data in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mini_mesh.control.effect import InEffect, Verdict
from xds_server import mirror
from xds_server.clients.status import TypeStatus
from xds_server.clients.view import ClientView, TypeView
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

MAX_FIELDS = 10  # of one resource that are told apart; how many differ is told as well

Find = Callable[[ResourceType, str, str], Resource | None]  # type, name, version
Accepted = Callable[[ResourceType, str], str]  # what was accepted before: type, name → version


@dataclass(frozen=True, slots=True)
class Standing:
    """One resource. Versions are empty where there is none. ``error`` is why it was refused."""

    type: ResourceType
    name: str
    to_be: str
    sent: str
    accepted: str
    in_effect: Verdict
    error: str = ""
    place: str | None = None

    @property
    def settled(self) -> bool:
        return self.to_be == self.sent == self.accepted and self.in_effect in ("yes", "unknown")

    @property
    def change(self) -> str:
        """What the client has to do still: ``added``, ``changed``, ``removed``, or nothing."""
        if self.to_be == self.accepted:
            return ""
        if not self.accepted:
            return "added"
        return "changed" if self.to_be else "removed"


def standings(
    client: ClientView, before: Accepted, in_effect: InEffect | None
) -> Iterator[Standing]:
    """All resources that one stream is about, types in push order, names sorted."""
    for view in client.types:
        served = client.snapshot.resources(view.type) if client.snapshot else {}
        wanted = {*served} if view.wildcard else served.keys() & view.names
        for name in sorted({*wanted, *view.known, *(view.refusal.names if view.refusal else ())}):
            ours = served[name] if name in wanted else None
            yield _one(view, name, ours, before, in_effect)


def _one(
    view: TypeView, name: str, ours: Resource | None, before: Accepted, dump: InEffect | None
) -> Standing:
    sent = view.known.get(name, "")
    refusal = view.refusal if view.refusal and name in view.refusal.names else None
    in_flight = any(each.name == name for each in view.in_flight)
    record = next(
        (each for each in refusal.records if each.resource in (name, None))
        if refusal
        else iter(()),
        None,
    )
    return Standing(
        view.type,
        name,
        ours.version if ours else "",
        sent,
        before(view.type, name) if in_flight or refusal else sent,
        _verdict(view.type, name, ours, dump),
        record.text if record else "",
        record.place if record else None,
    )


def _verdict(
    kind: ResourceType, name: str, ours: Resource | None, dump: InEffect | None
) -> Verdict:
    if dump is None:
        return "unknown"
    if ours is not None:
        return dump.verdict(ours)
    return "no" if name in dump.names(kind) else "yes"  # it is to be gone


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Of many resources: the worst that is known of one of them."""
    found = set(verdicts)
    order: tuple[Verdict, ...] = ("no", "warming", "yes")
    return next((each for each in order if each in found), "unknown")


def types_as_json(rows: Iterable[Standing], views: Iterable[TypeView]) -> list[dict[str, Any]]:
    """A summary for each type that the client asked for."""
    of: dict[ResourceType, list[Standing]] = {}
    for row in rows:
        of.setdefault(row.type, []).append(row)
    return [_type_as_json(view, of.get(view.type, [])) for view in views]


def _type_as_json(view: TypeView, rows: list[Standing]) -> dict[str, Any]:
    return {
        "type": view.type.title,
        "resources": sum(1 for row in rows if row.to_be),
        "version": view.version,
        "sent": all(row.to_be == row.sent for row in rows),
        "accepted": all(row.to_be == row.accepted for row in rows),
        "in_effect": overall(row.in_effect for row in rows),
        "warming": [row.name for row in rows if row.in_effect == "warming"],
        "refused": [
            {"name": row.name, "text": row.error, "place": row.place} for row in rows if row.error
        ],
    }


def briefly(
    known: Mapping[ResourceType, TypeStatus], snapshot: Snapshot | None
) -> list[dict[str, Any]]:
    """The same, from what is remembered of each type: not which resources, and how many."""
    return [
        _brief(kind, known[kind], snapshot.version(kind) if snapshot else "")
        for kind in ResourceType
        if kind in known
    ]


def _brief(kind: ResourceType, it: TypeStatus, version: str) -> dict[str, Any]:
    return {
        "type": kind.title,
        "resources": None,
        "version": it.sent,
        "sent": version in (it.sent, it.acked),
        "accepted": it.acked == version and not it.waiting,
        "in_effect": "unknown",
        "warming": [],
        "refused": [{"name": it.nack.resource, "text": it.nack.text, "place": it.nack.place}]
        if it.nack
        else [],
    }


def as_json(row: Standing, find: Find) -> dict[str, Any]:
    """One resource of a diff; ``find`` knows what was served earlier."""
    fields = _fields(find(row.type, row.name, row.accepted), find(row.type, row.name, row.to_be))
    return {
        "type": row.type.title,
        "name": row.name,
        "change": row.change,
        "to_be": row.to_be,
        "sent": row.sent,
        "accepted": row.accepted,
        "in_effect": row.in_effect,
        "error": row.error,
        "place": row.place,
        "fields": fields[:MAX_FIELDS],
        "fields_in_all": len(fields),
    }


def _fields(old: Resource | None, new: Resource | None) -> list[dict[str, Any]]:
    """The fields in which two versions of a resource differ; nothing where one is not known."""
    if old is None or new is None or old.version == new.version:
        return []
    one, two = (dict(_leaves("", mirror.render(r.type.type_url, r.body))) for r in (old, new))
    paths = [path for path in {**one, **two} if one.get(path) != two.get(path)]
    return [
        {"path": path, "from": one.get(path), "to": two.get(path), "place": new.place_of(path)}
        for path in sorted(paths)
    ]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, held in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, held)
    elif isinstance(value, list) and value:
        for index, held in enumerate(value):
            yield from _leaves(f"{path}[{index}]", held)
    else:
        yield path, value
