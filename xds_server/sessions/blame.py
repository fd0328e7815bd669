"""Which field of a resource Envoy complains about, read from the words of its complaint.

Two sorts of words (Envoy 1.40): constraints of the ``.proto`` files, which spell the path
(``RouteConfigurationValidationError.VirtualHosts[0]: … caused by …``), and free text, which mostly
quotes a value that can be looked up in the resource (``CLUES``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xds_server import mirror
from xds_server.mirror.fields import Field, MessageClass, fields_of
from xds_server.resource import Resource

Leaf = tuple[str, str, Any]  # path, key, value: of every value in a rendered resource
Finder = Callable[[Sequence[Leaf], str], str | None]  # (leaves, quoted words) → path

_LINK = re.compile(r"(\w+)ValidationError\.(\w+?)(\[[^\]]*\])?: ")


def field_of(resource: Resource, text: str) -> str | None:
    """The path of the field that ``text`` is about, ``None`` where the words do not tell."""
    leaves = list(_walk("", mirror.render(resource.type.type_url, resource.body)))
    links = _LINK.findall(text)
    if links:
        return _constrained(resource, leaves, links)
    for pattern, find in CLUES:
        match = pattern.search(text)
        path = find(leaves, match[match.lastindex or 0]) if match else None
        if path is not None:
            return path
    return None


def _walk(path: str, value: Any) -> Iterator[Leaf]:
    """Every value in the tree, parents before what they hold."""
    if isinstance(value, dict):
        for key, held in value.items():
            below = f"{path}.{key}" if path else key
            yield below, key, held
            yield from _walk(below, held)
    elif isinstance(value, list):
        key = path.rpartition(".")[2]  # the list's own name
        for index, held in enumerate(value):
            yield f"{path}[{index}]", key, held
            yield from _walk(f"{path}[{index}]", held)


def _constrained(
    resource: Resource, leaves: Sequence[Leaf], links: Sequence[tuple[str, str, str]]
) -> str | None:
    """The path that the links of a constraint's message spell, in Envoy's field names.

    It starts at the resource, or at the content of an ``Any`` inside of it.
    """
    root = links[0][0]
    start, cls = "", mirror.class_of(resource.type.type_url)
    if root != resource.type.title:
        found = (each for each in leaves if _is_any(each[2], root))
        start, _, content = next(found, ("", "", None))
        cls = mirror.class_of(content["@type"]) if content else None
    if cls is None:
        return None
    return ".".join(filter(None, (start, *_spelled(cls, links))))


def _is_any(value: Any, title: str) -> bool:
    return isinstance(value, dict) and str(value.get("@type", "")).endswith(f".{title}")


def _spelled(cls: MessageClass | None, links: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    for _, name, index in links:
        field = _field_named(cls, name) if cls else None
        if field is None:
            return
        yield field.name + index
        cls = field.message


def _field_named(cls: MessageClass, camel: str) -> Field | None:
    return next(
        (f for f in fields_of(cls) if "".join(p.title() for p in f.name.split("_")) == camel), None
    )


def _quoted(*keys: str) -> Finder:
    """A value that is quoted whole, in a field of one of these names."""

    def find(leaves: Sequence[Leaf], words: str) -> str | None:
        return next((path for path, key, held in leaves if key in keys and held == words), None)

    return find


def _part_of(key: str) -> Finder:
    """A value of which a part is quoted."""

    def find(leaves: Sequence[Leaf], words: str) -> str | None:
        texts = ((path, held) for path, name, held in leaves if name == key)
        return next((path for path, held in texts if isinstance(held, str) and words in held), None)

    return find


def _named(leaves: Sequence[Leaf], words: str) -> str | None:
    """A filter, extension or filter chain of that name, or a map's entry under it."""
    for path, key, held in leaves:
        if isinstance(held, dict) and (held.get("name") == words or key == words):
            return path
    return None


def _second_domain(leaves: Sequence[Leaf], words: str) -> str | None:
    domain = words if "." in words or words != "wildcard" else "*"
    found = [path for path, _, held in leaves if ".domains[" in path and held == domain]
    return found[1] if len(found) > 1 else None


def _weightless(leaves: Sequence[Leaf], words: str) -> str | None:
    for path, key, held in leaves:
        if key == "weighted_clusters" and not any(
            each.get("weight") for each in held.get("clusters", ())
        ):
            return path
    return None


def _negative_duration(leaves: Sequence[Leaf], words: str) -> str | None:
    return next((p for p, _, held in leaves if re.fullmatch(r"-\d+(\.\d+)?s", str(held))), None)


def _reserved_header(leaves: Sequence[Leaf], words: str) -> str | None:
    texts = ((path, str(held).lower()) for path, key, held in leaves if key == "key")
    return next((path for path, held in texts if held.startswith(":") or held == "host"), None)


def _aimless_mirror(leaves: Sequence[Leaf], words: str) -> str | None:
    policies = (
        (path, held)
        for path, key, held in leaves
        if key == "request_mirror_policies" and isinstance(held, dict)
    )
    return next(
        (p for p, held in policies if ("cluster" in held) == ("cluster_header" in held)), None
    )


# The first that matches the words and finds what they quote.
CLUES: Sequence[tuple[re.Pattern[str], Finder]] = (
    (re.compile(r"Sum of weights in the weighted_cluster"), _weightless),
    (re.compile(r"unknown cluster '([^']*)'"), _quoted("cluster", "name")),
    (re.compile(r"Duplicate entry of domain (\S+)"), _second_domain),
    (re.compile(r"Only a single (wildcard) domain"), _second_domain),
    (re.compile(r"implementation for (?:name: )?'([^']*)'"), _named),
    (re.compile(r"terminal filter named (\S+) of type"), _named),
    (re.compile(r"filter chain '([^']*)' has the same matching rules"), _named),
    (re.compile(r"Invalid duration: Expected positive duration"), _negative_duration),
    (re.compile(r"malformed IP address: (.*?)\. Consider"), _quoted("address")),
    (re.compile(r"-prefixed or host headers may not be modified"), _reserved_header),
    (re.compile(r"Not supported field in StreamInfo: (\S+)"), _part_of("value")),
    (re.compile(r"in request mirror policy need to be specified"), _aimless_mirror),
    (re.compile(r": (\S+)\s*$"), _part_of("regex")),  # RE2: what is wrong, and a piece of it
)
