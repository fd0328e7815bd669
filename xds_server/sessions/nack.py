"""Reads what a client says when it refuses a response: which resources, which fields, whose lines.

Envoy 1.40 refuses in two ways. A resource that breaks a constraint of its ``.proto`` file rejects
the whole response, and the text shows that resource. One that fails later rejects itself alone:
``Error adding/updating cluster(s) a: …, b: …`` means that all others of the response were taken.
gRPC always takes the others (A46) and names what it refuses by number, name and field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xds_server.events import NackRecord
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.blame import field_of

_EACH = re.compile(r"Error adding/updating (?:cluster|listener)\(s\) ")
_NUMBERED = re.compile(r"resource index \d+: (.*?): [A-Z_]+: ")
_NUMBERED_FIELD = re.compile(r"\[field:(.+?) error:")
_INSIDE = re.compile(r"\.value\[[^]]*\]")  # a step into a packed message, and its type
_SHOWN = re.compile(r'goo\.gle/debug\w+\s+(?:name|cluster_name): "([^"]*)"')
_DUMP = re.compile(r"goo\.gle/debug\w+\s+(?:.*?\n: (?=Proto constraint))?", re.DOTALL)


def read(
    node: NodeInfo, kind: ResourceType, version: str, text: str, sent: Sequence[Resource]
) -> tuple[NackRecord, ...]:
    """One record for each resource that the text names, and at least one.

    ``sent`` are the resources of the refused response. A record's ``text`` is Envoy's without the
    resource that it repeats in full.
    """
    parts: Sequence[tuple[Resource | None, str]] = _parts(text, sent)
    return tuple(
        _record(node, kind, version, part, resource)
        for resource, part in parts or [(_meant(text, sent), text)]
    )


def taken(text: str, sent: Sequence[Resource]) -> frozenset[str]:
    """The names of a refused response's resources that Envoy took all the same."""
    refused = {resource.name for resource, _ in _parts(text, sent)}
    return frozenset(each.name for each in sent if each.name not in refused) if refused else _NONE


_NONE: frozenset[str] = frozenset()


def _record(
    node: NodeInfo, kind: ResourceType, version: str, text: str, resource: Resource | None
) -> NackRecord:
    field = _field(resource, text) if resource else None
    return NackRecord(
        node,
        kind.type_url,
        version,
        _DUMP.sub("", text).strip(),
        resource.name if resource else None,
        field,
        resource.place_of(field or "") if resource else None,
    )


def _field(resource: Resource, text: str) -> str | None:
    numbered = _NUMBERED_FIELD.search(text)
    return _INSIDE.sub("", numbered[1]) if numbered else field_of(resource, text)


def _parts(text: str, sent: Sequence[Resource]) -> list[tuple[Resource, str]]:
    """The resources that are refused one by one, each with what is said about it."""
    by_name = {each.name: each for each in sent}
    if _EACH.match(text):
        found = re.finditer(r"(?:(?<=\(s\) )|, |\n)(\S+?): ", text)
    else:
        found = _NUMBERED.finditer(text)
    starts = [(match, by_name[match[1]]) for match in found if match[1] in by_name]
    ends = [*(match.start() for match, _ in starts), len(text)][1:]
    return [
        (resource, text[match.end() : end])
        for (match, resource), end in zip(starts, ends, strict=True)
    ]


def _meant(text: str, sent: Sequence[Resource]) -> Resource | None:
    """The one resource that a text is about: it shows it, there is but one, or it fits but one."""
    shown = _SHOWN.search(text)
    if shown:
        return next((each for each in sent if each.name == shown[1]), None)
    if len(sent) == 1:
        return sent[0]
    return next(_fitting(text, sent), None)


def _fitting(text: str, sent: Sequence[Resource]) -> Iterator[Resource]:
    return (each for each in sent if field_of(each, text) is not None)
