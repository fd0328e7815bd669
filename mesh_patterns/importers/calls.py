"""Who calls whom: what somebody drew, and what environments and arguments tell.

Kubernetes files say nothing of calls. Meshery's designs have lines between components; a workload
that gets ``http://ratings:9080`` in its environment will call ``ratings``. An annotation says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.kubernetes import Workload
from mesh_patterns.importers.notes import Notes, listed
from mesh_patterns.importers.objects import Link, Object, Ref
from mesh_yaml.node import Node

CALLS = "meshloom/calls"  # the annotation of a workload: the services that it calls
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?:\w+://(?P<url>{_HOST}))|(?<![\w.-])(?P<name>{_HOST})(?P<port>:\d+)?")
MAX_VALUE = 10_000  # characters of a setting that are searched for addresses
_POINTS = re.compile(r"HOST|ADDR|URL|URI|UPSTREAM|ENDPOINT|TARGET|BACKEND|SERVICE|SVC", re.I)


def fill(
    objects: Sequence[Object],
    links: Iterable[Link],
    workloads: Iterable[Workload],
    catalog: Catalog,
    notes: Notes,
) -> None:
    """Give each service of the catalog its ``calls``."""
    running = list(workloads)
    _drawn(objects, links, catalog, notes)
    _said(running, catalog, notes)
    _named(running, catalog, notes)
    foreign = [entry for entry in catalog.entries.values() if not entry.own]
    if len(foreign) > 1 and not any(entry.calls for entry in foreign):
        message = (
            "no calls between these services are known: the files have neither edges nor "
            "addresses of one service in the environment of another"
        )
        notes.warn(foreign[0].place, message)


def _drawn(
    objects: Sequence[Object], links: Iterable[Link], catalog: Catalog, notes: Notes
) -> None:
    onward = _resolved(_Index(objects, catalog), links, notes)
    for each in objects:
        for entry in catalog.of.get(each.ref, ()):
            for callee in _reached(each, onward, catalog, set()):
                if callee is not entry:
                    entry.calls.setdefault(callee.name)


def _resolved(index: _Index, links: Iterable[Link], notes: Notes) -> dict[Ref, list[Object]]:
    """Where the lines from each object lead; lines into the void are told of."""
    onward: dict[Ref, list[Object]] = {}
    dangling: dict[str, list[Link]] = {}
    for link in links:
        sources, targets = index.find(link, link.source), index.find(link, link.target)
        for name, found in ((link.source, sources), (link.target, targets)):
            if not found:
                dangling.setdefault(name, []).append(link)
        for source in sources:
            onward.setdefault(source.ref, []).extend(targets)
    for name, lost in dangling.items():
        edges = "an edge ends" if len(lost) == 1 else f"{len(lost)} edges end"
        notes.warn(lost[0].place, f"{edges} at {name!r}, which is not in the given files")
    return onward


class _Index:
    """Objects by all names that links may use: of the same document first, then of any; and
    services that no object has the name of.
    """

    def __init__(self, objects: Iterable[Object], catalog: Catalog) -> None:
        self._near: dict[tuple[str, str], list[Object]] = {}
        self._any: dict[str, list[Object]] = {}
        for each in objects:
            for name in each.ids:
                self._near.setdefault((each.scope, name), []).append(each)
                self._any.setdefault(name, []).append(each)
        for each in objects:
            if each.parent:  # a line to a group is a line to each of its members
                self._near.setdefault((each.scope, each.parent), []).append(each)
            for entry in catalog.of.get(each.ref, ()):
                self._any.setdefault(entry.name, []).append(each)

    def find(self, link: Link, name: str) -> list[Object]:
        found = self._near.get((link.scope, name)) or self._any.get(name, [])
        first = found[:1]
        return found if first and first[0].parent == name else first


def _reached(
    start: Object, onward: Mapping[Ref, Sequence[Object]], catalog: Catalog, seen: set[Ref]
) -> Iterator[Entry]:
    """The services at the ends of the lines from ``start``; policy in between is passed through."""
    for each in onward.get(start.ref, ()):
        if each.ref in seen:
            continue
        seen.add(each.ref)
        entries = catalog.of.get(each.ref)
        if entries:
            yield from entries
        else:
            yield from _reached(each, onward, catalog, seen)


def _said(workloads: Iterable[Workload], catalog: Catalog, notes: Notes) -> None:
    """What annotations say."""
    for workload in workloads:
        told = workload.object.annotations.get(CALLS)
        for name in told.text().replace(",", " ").split() if told is not None else ():
            callee = catalog.lookup(name, workload.object.namespace)
            if callee is None and told is not None:
                notes.warn(told.place, f"no file has the service {name!r}, which this calls")
                continue
            for entry in catalog.of.get(workload.object.ref, ()):
                if callee is not None and callee is not entry and not entry.own:
                    entry.calls.setdefault(callee.name)


def _named(workloads: Iterable[Workload], catalog: Catalog, notes: Notes) -> None:
    found: dict[str, None] = {}
    first: Workload | None = None
    for workload in workloads:
        for entry in catalog.of.get(workload.object.ref, ()):
            for callee in _mentioned(workload, catalog):
                if callee is not entry and callee.name not in entry.calls and not entry.own:
                    entry.calls[callee.name] = None
                    found[f"{entry.name} → {callee.name}"] = None
                    first = first or workload
    if first is not None:
        message = f"calls are taken from environments and arguments: {listed(found)}"
        notes.warn(first.object.place, message)


def _mentioned(workload: Workload, catalog: Catalog) -> Iterator[Entry]:
    """The services whose addresses stand in the containers' settings."""
    namespace = workload.object.namespace
    for container in workload.containers():
        for name, value in _settings(container):
            for match in _ADDRESS.finditer(value[:MAX_VALUE]):
                host = match["url"] or match["name"]
                entry = catalog.lookup(host, namespace)
                if entry is not None and _is_address(match, name, value):
                    yield entry


def _settings(container: Node) -> Iterator[tuple[str, str]]:
    """Variables with their names; arguments and commands without."""
    env = container.get("env")
    for item in env.elements() if env else ():
        name, value = item.get("name"), item.get("value")
        if name is not None and value is not None and value.value is not None:
            yield name.text(), value.text()
    for key in ("command", "args"):
        words = container.get(key)
        for word in words.elements() if words else ():
            yield "", word.text()


def _is_address(match: re.Match[str], name: str, value: str) -> bool:
    """A URL, ``host:port``, a name with a domain, or a bare name in a variable that says so."""
    if match["url"] or match["port"] or "." in match["name"]:
        return True
    return match[0] == value.strip() and bool(_POINTS.search(name))
