"""``trafficPolicy`` of DestinationRules: what callers may have open to a service, which of its
hosts they choose, and which they leave out. It holds for everybody who calls, the ingress too.

What a subset says replaces what the rule says, part by part; what is said of a port replaces all of
it. https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mesh_patterns.importers.catalog import Entry, Variant, hosts_of
from mesh_patterns.importers.istio import (
    connection_pools,
    hosts_policies,
    localities,
    originations,
)
from mesh_patterns.importers.istio.destination_rules import Rule, members
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.notes import listed
from mesh_patterns.model import CLIENT, INGRESS
from mesh_yaml.node import Node

PARTS = ("loadBalancer", "connectionPool", "outlierDetection", "tls")

Policy = Mapping[str, Node]  # by its parts


def patterns(rules: Sequence[Rule], world: World) -> list[Node]:
    """What all rules say of traffic: of services, then of their versions."""
    made: list[Node] = []
    for entry, found in _by_entry(rules, world).items():
        world.notes.guard(made.extend, _of_entry(world.catalog.entries[entry], found, world))
    return made


def _by_entry(rules: Sequence[Rule], world: World) -> dict[str, list[Rule]]:
    """The rules of each service: those for its name, else the one for the longest wildcard."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.entry is not None:
            found.setdefault(rule.entry.name, []).append(rule)
    wide = [rule for rule in rules if rule.entry is None]
    for rule in sorted(wide, key=lambda each: -len(each.host.text())):
        taken = [name for name, each in world.catalog.entries.items() if _covers(rule, each)]
        for name in taken:
            found.setdefault(name, [rule])
        if not taken:
            message = f"no service here has a name like {rule.host.text()!r}"
            world.notes.warn(rule.host.place, message)
    return found


def _covers(rule: Rule, entry: Entry) -> bool:
    tail = rule.host.text().lstrip("*")
    own = entry.hosts or hosts_of(entry.name, entry.namespace)
    return any(name.endswith(tail) for name in (entry.name, *own))


def _of_entry(entry: Entry, rules: Sequence[Rule], world: World) -> Iterator[Node]:
    """What everybody does, or the callers for whom there are rules and those that are left."""
    selected = {name: None for rule in rules for name in rule.callers or ()}
    rest = [rule for rule in rules if rule.callers is None]
    if not selected:
        yield from _of_callers(entry, rest, "")
        return
    calling = [each.name for each in world.catalog.entries.values() if entry.name in each.calls]
    for caller in [*calling, CLIENT, *([INGRESS] if entry.ingress else [])]:
        own = [rule for rule in rules if rule.callers is not None and caller in rule.callers]
        yield from _of_callers(entry, own or rest, f"{caller} -> ")


def _of_callers(entry: Entry, rules: Sequence[Rule], callers: str) -> Iterator[Node]:
    """What some callers do: ``callers`` is nothing, or an edge up to its arrow."""
    whole: Policy = {}
    for rule in rules:
        if rule.policy is None or not rule.policy.value:
            continue
        if whole:
            message = "another DestinationRule says what traffic to it is like: this is left out"
            rule.source.notes.warn(rule.policy.place, message)
            continue
        originations.learn(entry, rule.policy, rule.source)
        whole = _parts(rule.policy, entry, rule.source)
        yield from _made(entry, whole, rule.source, callers)
        _learn_tls(entry, whole, rule.source)
    yield from _of_subsets(entry, rules, whole, callers)


def _learn_tls(entry: Entry, policy: Policy, source: Source) -> None:
    """How callers come: see ``peer_authentications.py``. Other TLS is for services outside."""
    tls = policy.get("tls")
    mode = tls.get("mode") if tls is not None else None
    if tls is None or mode is None or entry.outside is not None:
        return
    source.notes.leftovers(tls, ("mode",), source.owner, "tls.")
    if mode.value in ("SIMPLE", "MUTUAL"):
        source.skip(f"tls.mode: {mode.value}", mode)
        return
    source.world.tls.setdefault(entry.name, mode)
    if mode.value == "ISTIO_MUTUAL":
        source.world.identified.append(mode.place)


def _of_subsets(entry: Entry, rules: Iterable[Rule], whole: Policy, callers: str) -> Iterator[Node]:
    """What is said of versions; a version that is in two subsets goes by the first."""
    taken: dict[str, str] = {}
    for rule in rules:
        for subset, node in rule.subsets:
            policy = node.get("trafficPolicy")
            own = _parts(policy, entry, rule.source) if policy is not None else {}
            if "tls" in own:
                rule.source.skip("tls of a subset", own["tls"])
            if not (own.keys() - {"tls"}):
                continue
            for variant in members(entry, subset):
                first = taken.setdefault(variant.name, subset.name)
                if first != subset.name and policy is not None:
                    message = f"{entry.target(variant)!r} is in {listed([first])} too, which"
                    rule.source.notes.warn(policy.place, f"{message} says what its traffic is like")
                    continue
                policies = {**whole, **own}
                yield from _made(entry, policies, rule.source, callers, variant)


def _parts(policy: Node, entry: Entry, source: Source) -> Policy:
    """What a policy says, or what it says of the service's port."""
    known = (*PARTS, "portLevelSettings")
    source.notes.leftovers(policy, known, source.owner, "trafficPolicy.")
    ports = policy.get("portLevelSettings")
    for settings in ports.elements() if ports is not None else ():
        port = settings.get("port")
        number = port.get("number") if port is not None else None
        if number is not None and entry.port in (None, number.value):
            if entry.port is None:
                what = f"the port of {entry.name!r} is not known: taken for {number.text()}"
                source.approximate(what, number)
            source.notes.leftovers(settings, (*PARTS, "port"), source.owner, "portLevelSettings.")
            return _given(settings)
        source.approximate("portLevelSettings of another port than its one", settings)
    return _given(policy)


def _given(policy: Node) -> Policy:
    found = ((name, policy.get(name)) for name in PARTS)
    return {name: node for name, node in found if node is not None and node.value is not None}


def _made(
    entry: Entry, policy: Policy, source: Source, callers: str, variant: Variant | None = None
) -> Iterator[Node]:
    """The patterns on a service, or on a version."""
    on = f"{callers}{entry.target(variant) if variant is not None else entry.name}"
    pool, outliers = policy.get("connectionPool"), policy.get("outlierDetection")
    balancer = policy.get("loadBalancer")
    if pool is not None:
        yield from connection_pools.patterns(on, pool, entry.protocol, source)
    if outliers is not None:
        yield from hosts_policies.outlier_detection(on, outliers, source)
    chosen = hosts_policies.load_balancing(balancer, outliers, source)
    at = balancer or outliers
    if chosen and at is not None:
        yield hosts_policies.pattern("load_balancing", on, chosen, at)
    setting = balancer.get("localityLbSetting") if balancer is not None else None
    if variant is None:
        judged = outliers is not None
        yield from localities.patterns(entry, setting, judged, chosen, source, callers)
    elif setting is not None and setting.value:
        source.skip("localityLbSetting of a subset", setting)
