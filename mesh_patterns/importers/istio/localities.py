"""``localityLbSetting``: which region's hosts a caller's requests go to.

Where a workload runs is known by its labels (``istio-locality``,
``topology.kubernetes.io/region`` and ``zone``), or from its WorkloadEntry.
https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.fields import elements, needed, text, whole_number
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.settings import Made
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.model import CLIENT, INGRESS
from mesh_yaml.node import Node

_KNOWN = ("distribute", "failover", "failoverPriority", "enabled")
_NEAR = ("topology.kubernetes.io/", "topology.istio.io/")  # labels that say where


def patterns(
    entry: Entry,
    setting: Node | None,
    judged: bool,
    base: Made,
    source: Source,
    callers: str = "",
) -> Iterator[Node]:
    """Shares for callers by where they are, or the nearest hosts first, which is Istio's way where
    hosts are ``judged``. ``base`` is what is said of load balancing besides; ``callers`` is an edge
    up to its arrow, where it is of one caller alone.
    """
    given = setting or Node(None, source.object.place)
    source.notes.leftovers(given, _KNOWN, source.owner, "localityLbSetting.")
    enabled, shares = given.get("enabled"), elements(given, "distribute")
    if enabled is not None and enabled.value is False:
        return
    if given.value and not _of(entry):
        what = f"localityLbSetting: nobody knows where {entry.name!r} runs"
        source.approximate(what, given)
    elif shares:
        mine = (c for c in _callers(entry, source.world.catalog) if callers in ("", _edge(c)))
        for caller in mine:
            yield from _shared(caller, entry, shares, base, source)
    elif judged:
        yield from _ordered(entry, given, source, callers)


def _edge(caller: tuple[str, str]) -> str:
    return f"{caller[0]} -> "


def _ordered(entry: Entry, given: Node, source: Source, callers: str) -> Iterator[Node]:
    """The nearest first. Where all are in one place there is no nearest."""
    _tell_order(given, source)
    if len(set(_of(entry))) > 1:
        yield pattern("failover", f"{callers}{entry.name}", {"prefer": "local"}, given)


def _of(entry: Entry) -> list[str]:
    return [each.locality.text() for each in entry.variants.values() if each.locality is not None]


def _callers(entry: Entry, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Who calls it, and where they are; who is nowhere is meant by ``*`` alone."""
    yield CLIENT, ""
    if entry.ingress:
        yield INGRESS, ""
    for caller in catalog.entries.values():
        if entry.name in caller.calls:
            yield caller.name, next(iter(_of(caller)), "")


def _shared(
    caller: tuple[str, str], entry: Entry, shares: Sequence[Node], base: Made, source: Source
) -> Iterator[Node]:
    name, at = caller
    rule = next((each for each in shares if _covers(text(each, "from", "*"), at)), None)
    if rule is None:
        return
    to: dict[str, Node] = {}
    for where, weight in needed(rule, "to", "a distribute").items():
        whole_number(weight, "a weight is a whole number")
        if any(_covers(where, each) for each in _of(entry)):
            to[_bare(where)] = weight
        else:
            what = f"distribute.to: no workload of {entry.name!r} is in {where!r}"
            source.approximate(what, weight)
    if any(weight.value for weight in to.values()):
        fields = {**base, "localities": Node.of({**to}, rule.place), "override": True}
        yield pattern("load_balancing", f"{name} -> {entry.name}", fields, rule)


def _covers(wide: str, narrow: str) -> bool:
    """``us-west/*`` is of all zones there, ``*`` is everywhere."""
    bare = _bare(wide)
    return bare in ("*", narrow) or narrow.startswith(f"{bare}/")


def _bare(where: str) -> str:
    while where.endswith("/*"):
        where = where[:-2]
    return where


def _tell_order(setting: Node, source: Source) -> None:
    for each in elements(setting, "failover"):
        source.approximate("localityLbSetting.failover: of other regions none comes first", each)
    for each in elements(setting, "failoverPriority"):
        if not each.text().startswith(_NEAR):
            source.skip(f"failoverPriority by {each.text()!r}, which is no place", each)
