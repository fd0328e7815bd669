"""Subsets of a service-resolver: instances by what a filter says of their metadata and tags.

Of an instance is known what its pods' annotations and labels say.
https://developer.hashicorp.com/consul/docs/connect/config-entries/service-resolver#subsets
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry, Variant
from mesh_patterns.importers.consul.world import World
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

META = "consul.hashicorp.com/service-meta-"
TAGS = "consul.hashicorp.com/service-tags"
_WORD = r"""(?:"([^"]*)"|`([^`]*)`|([\w./:-]+))"""
_COMPARED = re.compile(rf"Service\.Meta(?:\.([\w-]+)|\[\"([^\"]+)\"\])\s*(==|!=)\s*{_WORD}")
_TAGGED = re.compile(rf"Service\.Tags\s+(not\s+)?contains\s+{_WORD}|{_WORD}\s+in\s+Service\.Tags")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an instance."""

    meta: Mapping[str, str]
    tags: frozenset[str]


Test = Callable[[Facts], bool]


def versions(entry: Entry, name: str, node: Node | None, world: World) -> list[str]:
    """The versions in a subset. Of a service that no file has it is one; so is one of our own.

    Raises:
        DocumentError: the filter is none that is known here.
    """
    given = node.get("filter") if node is not None else None
    tests = _tests(given) if given is not None and given.value else []
    if entry.own or entry.invented:
        wanted = _version(given) or name
        if entry.own and wanted not in entry.variants:
            return []
        place = given or node
        if entry.invented and place is not None:
            entry.variant(wanted, place.place).labels.append({"version": wanted})
        return [wanted] if wanted in entry.variants else []
    return [
        variant.name
        for variant in entry.variants.values()
        if all(test(facts(variant, entry, world)) for test in tests)
    ]


def facts(variant: Variant, entry: Entry, world: World) -> Facts:
    """What files say of the workloads of a version."""
    meta: dict[str, str] = {}
    for labels in variant.labels:
        meta |= labels
    tags: set[str] = set()
    for ref in entry.members:
        it = world.by_ref.get(ref)
        if it is not None and it.name in variant.workloads:
            meta |= _meta(it)
            found = it.all_annotations().get(TAGS)
            tags |= {tag.strip() for tag in found.text().split(",")} if found is not None else set()
    return Facts({"version": variant.name, **meta}, frozenset(tags))


def _meta(it: Object) -> dict[str, str]:
    annotations = it.all_annotations().items()
    return {
        name.removeprefix(META): node.text() for name, node in annotations if name.startswith(META)
    }


def _tests(node: Node) -> list[Test]:
    parts = re.split(r"\s+and\s+", node.text().strip(), flags=re.IGNORECASE)
    return [_test(part.strip(), node) for part in parts]


def _test(text: str, node: Node) -> Test:
    if match := _COMPARED.fullmatch(text):
        key, same, value = match[1] or match[2], match[3] == "==", _word(match, 4)
        return lambda it: (it.meta.get(key) == value) == same
    if match := _TAGGED.fullmatch(text):
        tag, without = _word(match, 2) or _word(match, 5), bool(match[1])
        return lambda it: (tag in it.tags) != without
    wanted = "such as Service.Meta.version == v1, several with 'and'"
    raise DocumentError.at(node.place, f"a filter that is not known: {text!r}, expected {wanted}")


def _word(match: re.Match[str], first: int) -> str:
    return next((found for found in match.groups()[first - 1 : first + 2] if found), "")


def _version(node: Node | None) -> str:
    """The version that a filter asks for, if that is all that it does."""
    match = _COMPARED.fullmatch(node.text().strip()) if node is not None and node.value else None
    if match is None or (match[1] or match[2]) != "version" or match[3] != "==":
        return ""
    return _word(match, 4)
