"""How ``meshloom xds`` shows what a control plane tells: aligned columns, a line for each thing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

SHORT = 6  # digits of a version that are shown

Told = Mapping[str, Any]


def columns(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Each row as a line, columns two spaces apart, as ``kubectl`` does."""
    lines = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(
            f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)
        ).rstrip()


def nodes(status: Told) -> Iterator[str]:
    """A line for each node, then what they refused, then what is served."""
    heads = ("NODE", "KIND", "VERSION", "SENT", "ACCEPTED", "IN EFFECT")
    yield from columns([heads, *map(_node, status["nodes"])])
    for node in status["nodes"]:
        yield from refusals(node)
    if status["releases"]:
        yield _serving(status["releases"])


def _node(node: Told) -> tuple[str, ...]:
    head = (node["node"], node["kind"], node["version"] or "-")
    if not node["connected"]:
        return *head, "-", "-", "not connected"
    return *head, _yes(node["sent"]), _yes(node["accepted"]), node["in_effect"]


def _serving(releases: Sequence[Told]) -> str:
    now = releases[-1]
    instead = f", instead of {now['instead_of']}" if now["instead_of"] else ""
    return f"version {now['version']} since {_clock(now['at'])}: {now['outcome']}{instead}"


def node(status: Told) -> Iterator[str]:
    """One node: a line for each type that it asked for."""
    (one,) = status["nodes"]
    if not one["connected"]:
        yield f"{one['node']} is not connected"
        return
    yield f"{one['node']}  {one['user_agent'] or one['kind']}  {_since(one)}".rstrip()
    heads = ("TYPE", "RESOURCES", "VERSION", "SENT", "ACCEPTED", "IN EFFECT")
    yield from columns([heads, *map(_type, one["types"])])
    yield from refusals(one)


def _since(one: Told) -> str:
    if "since" not in one:
        return ""
    return f"{one['variant']} from {one['peer']} since {_clock(one['since'])}"


def _type(of: Told) -> tuple[str, ...]:
    effect = f"warming: {', '.join(of['warming'])}" if of["warming"] else of["in_effect"]
    return (
        of["type"],
        str(of["resources"]),
        of["version"][:SHORT] or "-",
        _yes(of["sent"]),
        _yes(of["accepted"]),
        effect,
    )


def refusals(of: Told) -> Iterator[str]:
    """What a node refused, each with the line that made it."""
    for kind in of.get("types", ()):
        for each in kind["refused"]:
            place = f"{each['place']}: " if each["place"] else ""
            name = f" {each['name']!r}" if each["name"] else ""
            yield f"{place}NACK from {of['node']}: {kind['type']}{name}: {each['text']}"


def difference(diff: Told) -> Iterator[str]:
    """A line for each resource, and the fields that differ below it."""
    if not diff["connected"]:
        yield f"{diff['node']} is not connected"
    elif not diff["resources"]:
        yield f"{diff['node']}: nothing differs (version {diff['version']})"
    else:
        yield from _resources(diff["resources"])


def _resources(resources: Sequence[Told]) -> Iterator[str]:
    heads = ("TYPE", "NAME", "TO BE", "SENT", "ACCEPTED", "IN EFFECT", "")
    lines = columns([heads, *map(_resource, resources)])
    yield next(lines)
    for line, resource in zip(lines, resources, strict=True):
        yield line
        yield from _fields(resource)
        if resource["error"]:
            place = f"{resource['place']}: " if resource["place"] else ""
            yield f"    {place}{resource['error']}"


def _resource(of: Told) -> tuple[str, ...]:
    versions = (of[key][:SHORT] or "-" for key in ("to_be", "sent", "accepted"))
    return of["type"], of["name"], *versions, of["in_effect"], of["change"]


def _fields(of: Told) -> Iterator[str]:
    for each in of["fields"]:
        place = f"   {each['place']}" if each["place"] else ""
        yield f"    {each['path']}: {_value(each['from'])} → {_value(each['to'])}{place}"
    more = of["fields_in_all"] - len(of["fields"])
    if more:
        yield f"    and {more} fields more"


def _value(value: Any) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)


def history(told: Told) -> Iterator[str]:
    """A line for each thing that happened, oldest first."""
    if told["dropped"]:
        yield f"{told['dropped']} older ones are not remembered"
    if told["entries"]:
        heads = ("TIME", "WHAT", "TYPE", "VERSION", "TOOK", "")
        yield from columns([heads, *map(_entry, told["entries"])])
    else:
        yield f"{told['node']}: nothing has happened yet"


def _entry(of: Told) -> tuple[str, ...]:
    took = f"{of['milliseconds']:.1f} ms" if of["milliseconds"] is not None else ""
    at = f"{_clock(of['at'])}.{int(of['at'] % 1 * 1000):03}"
    return at, of["what"], of["type"], of["version"][:SHORT], took, _more(of)


def _more(of: Told) -> str:
    """The names, the place and the client's words."""
    others = of["count"] - len(of["names"])
    names = ", ".join(of["names"]) + (f" and {others} more" if others else "")
    said = ": ".join(filter(None, (of["place"], of["text"])))
    return "   ".join(filter(None, (names, said)))


def loads(told: Told) -> Iterator[str]:
    """A line for each cluster."""
    if not told["clusters"]:
        yield "nobody has reported any load"
        return
    keys = ("cluster", "issued", "succeeded", "failed", "dropped", "in_progress")
    heads = ("CLUSTER", "ISSUED", "SUCCEEDED", "FAILED", "DROPPED", "IN PROGRESS")
    yield from columns([heads, *([str(each[key]) for key in keys] for each in told["clusters"])])


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
