"""service-intentions: who may call whom, and with which requests.

An intention that names the source wins over one for all, and one that names the destination over
both. Whom none is about may call, as where Consul's access control is off.
https://developer.hashicorp.com/consul/docs/connect/config-entries/service-intentions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.consul import matches
from mesh_patterns.importers.consul.world import Source, World
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
ANY = "*"
_SOURCE = ("name", "action", "permissions", "description", "namespace")
_ACTIONS = ("allow", "deny")
MAX_PERMISSIONS = 100  # of one source


@dataclass(frozen=True, slots=True)
class Permission:
    """Requests, and whether they are let in."""

    condition: Made
    allows: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a source's requests; without permissions it is one for all of them."""

    source: str
    allows: bool
    permissions: tuple[Permission, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Intentions:
    """All that is said of one destination."""

    source: Source
    destination: Node
    decisions: tuple[Decision, ...]


def read(source: Source) -> Intentions:
    """Intentions, those that name their source first.

    Raises:
        DocumentError: one decides nothing, or has an action that there is not.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, ("destination", "sources", "jwt", "namespace"), source.owner)
    goal = spec.get("destination")
    name = needed(goal, "name", "a destination") if goal is not None else None
    found = [_decision(node, source) for node in source.list("sources")]
    if not found:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'sources'")
    if (jwt := spec.get("jwt")) is not None and jwt.value:
        source.approximate("jwt: nobody has a token, so nobody is let in", jwt)
        found = [Decision(each.source, False, (), each.node) for each in found]
    found.sort(key=lambda decision: decision.source == ANY)
    destination = name or Node(source.object.name, source.object.place)
    return Intentions(source, destination, tuple(found))


def _decision(node: Node, source: Source) -> Decision:
    source.notes.leftovers(node, _SOURCE, source.owner, "sources.")
    name = needed(node, "name", "a source")
    permissions = elements(node, "permissions")
    if bool(permissions) == bool(text(node, "action")):
        raise DocumentError.at(node.place, "a source has an action, or permissions")
    if len(permissions) > MAX_PERMISSIONS:
        message = f"a source has at most {MAX_PERMISSIONS} permissions, got {len(permissions)}"
        raise DocumentError.at(node.place, message)
    found = tuple(_permission(each, source) for each in permissions)
    return Decision(_name(name, source), not permissions and _allows(node), found, node)


def _allows(node: Node) -> bool:
    action = needed(node, "action", "an intention")
    if action.value not in _ACTIONS:
        raise DocumentError.at(action.place, f"expected allow or deny, got {action.kind}")
    return action.value == "allow"


def _permission(node: Node, source: Source) -> Permission:
    source.notes.leftovers(node, ("action", "http", "jwt"), source.owner, "permissions.")
    made = matches.read(node.get("http") or Node(None, node.place))
    if made.pop("ignore_case", False):
        raise DocumentError.at(node.place, "caseInsensitive is not known of permissions")
    condition: Made = {name: made[name] for name in ("methods", "headers") if name in made}
    if "path" in made:
        condition["paths"] = [made["path"]]
    allows = _allows(node)
    if (jwt := node.get("jwt")) is not None and jwt.value and allows:
        source.approximate("jwt: nobody has a token, so nobody is let in", jwt)
        allows = False
    return Permission(condition, allows)


def _name(name: Node, source: Source) -> str:
    """Who that is here: a service, an ingress gateway, or everybody."""
    catalog = source.world.catalog
    if name.value == ANY:
        return ANY
    if name.text() in source.world.ingress:
        return INGRESS
    entry = catalog.lookup(name.text(), source.object.namespace)
    if entry is not None or not catalog.described:
        return (entry or catalog.find(name, source.object.namespace)).name
    source.notes.warn(name.place, f"no file has the service {name.text()!r}: it calls nobody here")
    return ""


def patterns(found: Sequence[Intentions], world: World) -> Iterator[Node]:
    """Mutual TLS and authorizations of all services that intentions are about."""
    exact: dict[str, Intentions] = {}
    for each in found:
        entry = _destination(each, world)
        if entry is not None:
            exact[entry.name] = each
    wide = next((each for each in found if each.destination.value == ANY), None)
    names = [name for name, each in world.catalog.entries.items() if name in exact or wide]
    made: list[Node] = []
    for name in names:
        one = exact.get(name)
        decisions = (*(one.decisions if one else ()), *(wide.decisions if wide else ()))
        own = [Node.of({"pattern": "authorization", "on": name, **fields}, at.place)
               for fields, at in _authorizations(decisions, closed=_is_closed(wide))]  # fmt: skip
        if own:
            place = own[0].place
            yield Node.of({"pattern": "mtls", "on": name, "mode": "strict"}, place)
        made += own
    yield from made


def _destination(each: Intentions, world: World) -> Entry | None:
    name, catalog = each.destination, world.catalog
    if name.value == ANY:
        return None
    entry = catalog.lookup(name.text(), each.source.object.namespace)
    if entry is None and catalog.described:
        message = f"no file has the service {name.text()!r}: {each.source.owner} is left out"
        world.notes.warn(name.place, message)
        return None
    return entry or catalog.find(name, each.source.object.namespace)


def _is_closed(wide: Intentions | None) -> bool:
    """Whether all is denied that nobody allows, as it is with Consul's access control."""
    everybody = [each for each in wide.decisions if each.source == ANY] if wide else []
    return any(not each.allows and not each.permissions for each in everybody)


def _authorizations(decisions: Sequence[Decision], *, closed: bool) -> Iterator[tuple[Made, Node]]:
    """Each has to let a request pass. Of one source the first decision holds."""
    named: dict[str, Decision] = {}
    rest: Decision | None = None
    for each in decisions:
        if each.source == ANY:
            rest = each
            break
        if each.source:
            named.setdefault(each.source, each)
    refused = [name for name, each in named.items() if not each.allows and not each.permissions]
    if rest is not None and not rest.allows and not rest.permissions:
        some = sorted(named.keys() - set(refused))
        yield {"allow": [{"from": some}] if some else []}, rest.node
    elif refused:
        yield {"deny": [{"from": refused}]}, named[refused[0]].node
    for name, each in named.items():
        who, others = {"from": [name]}, {"not": {"from": [name]}}
        yield from _permitted(each, who, others, closed)
    if rest is not None and rest.permissions:
        names = sorted(named)
        them: Made = {"not": {"from": names}} if names else {}
        yield from _permitted(rest, them, {"from": names} if names else None, closed)


def _permitted(
    decision: Decision, who: Made, others: Made | None, closed: bool
) -> Iterator[tuple[Made, Node]]:
    """Of permissions the first that holds decides: one authorization for each that refuses."""
    elsewhere = [others] if others is not None else []
    before: list[Made] = []
    for each in decision.permissions:
        if each.allows:
            before.append({**who, **each.condition})
            continue
        yield {"allow": [*elsewhere, *before, *_not(each.condition)]}, decision.node
    if closed and decision.permissions:
        yield {"allow": [*elsewhere, *before]}, decision.node


def _not(condition: Made) -> Iterator[Made]:
    """What a condition is not about: one part of it does not hold."""
    for name in ("paths", "methods"):
        if name in condition:
            yield {"not": {name: condition[name]}}
    for name, match in condition.get("headers", {}).items():
        inverted = {key: item for key, item in match.items() if key != "invert"}
        yield {"headers": {name: inverted if "invert" in match else {**match, "invert": True}}}
