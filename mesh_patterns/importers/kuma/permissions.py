"""MeshTrafficPermission: who may call whom. All else is denied.

What policies say of a caller is merged, the last action counts. With ``rules`` a denial counts more
than what is allowed, whoever says it.
https://kuma.io/docs/latest/policies/meshtrafficpermission/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kuma.merging import Policy, policies
from mesh_patterns.importers.kuma.proxies import Proxies, proxies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

ANYBODY = "*"
_ACTIONS = ("allow", "deny", "allowwithshadowdeny")
_LISTS = ("allow", "deny", "allowWithShadowDeny")
_ID = re.compile(r"spiffe://[^/]+(?:/ns/(?P<ns>[^/]+)(?:/sa/(?P<sa>[^/]*))?)?/?(?P<rest>.*)")
DENIED = "who is named by no MeshTrafficPermission is denied"


@dataclass(slots=True)
class _Verdict:
    """Who gets in: by ``from`` one action each, the later one counts; by ``rules`` lists."""

    actions: dict[str, tuple[str, Node]] = field(default_factory=dict)
    lists: dict[str, dict[str, Node]] = field(default_factory=dict)


def patterns(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """An authorization before each workload, as soon as there is one permission."""
    if not sources:
        return
    first = sources[0]
    first.approximate(DENIED, Node(None, first.object.place))
    found = policies(sources, ("from", "rules"))
    rules = {id(policy): _read(policy) for policy in found}
    for entry in list(world.catalog.entries.values()):
        if entry.outside is not None:
            continue
        near = [policy for policy in found if policy.followers.has(entry.name)]
        for on, here in _parts(entry, near):
            verdict = _Verdict()
            for policy in here:
                _judge(verdict, rules[id(policy)])
            yield from _guards(on, verdict, first.object.place)


def _parts(entry: Entry, near: Sequence[Policy]) -> Iterator[tuple[str, Sequence[Policy]]]:
    if not any(policy.followers.services.get(entry.name) for policy in near):
        yield entry.name, near
        return
    for variant in entry.variants.values():
        here = [p for p in near if _is_about(p.followers, entry.name, variant.name)]
        yield entry.target(variant), here


def _is_about(found: Proxies, service: str, version: str) -> bool:
    versions = found.services.get(service)
    return versions is None or version in versions


Said = tuple[str, str, Node]  # a list or an action, about whom, where


def _read(policy: Policy) -> list[Said]:
    return policy.source.notes.collected(_said(policy.source))


def _said(source: Source) -> Iterator[Said]:
    for node in source.list("from"):
        conf = needed(node, "default", "an element of 'from'")
        given = needed(conf, "action", "a default")
        action = given.text().replace("_", "").lower()
        if action not in _ACTIONS:
            message = f"unknown action {given.text()!r}, expected Allow, Deny, AllowWithShadowDeny"
            raise DocumentError.at(given.place, message)
        for name in _named(node.get("targetRef"), action, source):
            yield f"from {action}", name, node
    for node in source.list("rules"):
        conf = node.get("default") or Node(None, node.place)
        source.notes.leftovers(conf, _LISTS, source.owner, "rules.default.")
        for key in _LISTS:
            for each in elements(conf, key):
                for name in _identified(each, key, source):
                    yield key.lower(), name, each


def _named(ref: Node | None, action: str, source: Source) -> Iterator[str]:
    """Callers; certificates say of which service one is, not of which version."""
    found = proxies(ref, source)
    if found.everybody:
        yield ANYBODY
        return
    if found.ingress:
        yield INGRESS
    for name, versions in found.services.items():
        if versions is not None:
            what = "from some versions of a service, which certificates don't tell: "
            held = "of all of them" if action == "deny" else "of none of them"
            source.approximate(what + held, ref or Node(None, source.object.place))
            if action != "deny":
                continue
        yield name


def _identified(node: Node, key: str, source: Source) -> Iterator[str]:
    """The services that a SPIFFE id stands for: by the service accounts that they run as."""
    match = node.get("spiffeID") or node.get("spiffeId")
    if match is None:
        source.skip(f"rules.default.{key} by another thing than a spiffeID", node)
        return
    value = needed(match, "value", "a spiffeID")
    found = _ID.fullmatch(value.text())
    if found is None or found["rest"]:
        source.skip(f"a spiffeID that is no service account's: {value.text()!r}", value)
        return
    if found["ns"] is None:
        yield ANYBODY
        return
    prefix = text(match, "type", "Exact") == "Prefix"
    names = [e.name for e in source.world.catalog.entries.values() if _is_of(e, found, prefix)]
    if not names:
        source.notes.warn(value.place, f"no workload here runs as {value.text()!r}")
    yield from names


def _is_of(entry: Entry, found: re.Match[str], prefix: bool) -> bool:
    """Whether its workloads run as that service account."""
    namespace, account = found["ns"], found["sa"]
    if entry.namespace != namespace:
        return False
    accounts = {name for variant in entry.variants.values() for name in variant.accounts}
    if prefix:
        return not account or any(name.startswith(account) for name in accounts)
    return account in accounts


def _judge(verdict: _Verdict, said: Iterable[Said]) -> None:
    for what, name, node in said:
        _, _, action = what.partition("from ")
        if not action:
            verdict.lists.setdefault(what, {})[name] = node
            continue
        if name == ANYBODY:
            verdict.actions.clear()  # what was said of single ones before is overridden
        verdict.actions[name] = (action, node)


def _guards(on: str, verdict: _Verdict, place: Place) -> Iterator[Node]:
    allow, deny, shadow = _sorted(verdict)
    made: dict[str, Any] = {"pattern": "authorization", "on": on}
    at = next(iter([*allow.values(), *deny.values()]), Node(None, place)).place
    names = [ANYBODY] if ANYBODY in allow else list(allow)
    rules: list[Any] = [{}] if names == [ANYBODY] else [{"from": names}] if names else []
    made["allow"] = rules
    if deny:
        made["deny"] = [{}] if ANYBODY in deny else [{"from": list(deny)}]
    if rules != [{}] or deny:
        yield Node.of(made, at)
    if shadow:
        dry = [{}] if ANYBODY in shadow else [{"from": list(shadow)}]
        where = next(iter(shadow.values())).place
        yield Node.of({"pattern": "authorization", "on": on, "deny": dry, "dry_run": True}, where)


Names = dict[str, Node]


def _sorted(verdict: _Verdict) -> tuple[Names, Names, Names]:
    """Whom to let in, whom to refuse for all that, and whom to count as if refused."""
    allow: Names = dict(verdict.lists.get("allow", {}))
    deny: Names = dict(verdict.lists.get("deny", {}))
    shadow: Names = dict(verdict.lists.get("allowwithshadowdeny", {}))
    allow |= shadow
    others = verdict.actions.get(ANYBODY, ("deny", None))[0]
    for name, (action, node) in verdict.actions.items():
        if action == "deny":
            deny |= {name: node} if name != ANYBODY and others != "deny" else {}
            continue
        allow[name] = node
        shadow |= {name: node} if action != "allow" else {}
    return allow, deny, shadow
