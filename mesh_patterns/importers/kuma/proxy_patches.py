"""MeshProxyPatch: HTTP filters that it adds, in Envoy's own words. What it changes elsewhere in
Kuma's listeners, routes and clusters is told: ours are others.

https://kuma.io/docs/latest/policies/meshproxypatch/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.kuma.merging import Policy, policies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.model import INGRESS
from mesh_yaml import yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_ADDS = frozenset({"AddFirst", "AddLast", "AddBefore", "AddAfter"})


def patterns(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """The filters that all of them add."""
    for policy in policies(sources, ("default",)):
        source = policy.source
        conf = source.object.spec.get("default") or Node(None, source.object.place)
        for each in source.notes.guard(elements, conf, "appendModifications") or ():
            config = source.notes.guard(_config, each, source)
            for on in _places(each, policy, world) if config is not None else ():
                made = {"pattern": "envoy_filter", "on": on, "config": config}
                yield Node.of(made, each.place)


def _config(node: Node, source: Source) -> Node | None:
    """The configuration of a filter that is added; ``None``, told, for any other change."""
    change = node.get("httpFilter")
    if change is None:
        what = ", ".join(name for name, _ in node.items()) or "nothing"
        source.skip(f"a modification of {what}", node)
        return None
    operation, value = text(change, "operation"), change.get("value")
    if operation not in _ADDS or value is None:
        source.skip(f"a modification that does {operation or 'nothing'} to an httpFilter", change)
        return None
    if operation != "AddLast":
        source.approximate("a filter of one's own stands last, before the router", change)
    return _typed(value)


def _typed(value: Node) -> Node:
    """What stands in a text, all of it at the text's place.

    Raises:
        DocumentError: it is no HTTP filter.
    """
    found = yaml.parse(value.text(), value.place.file)
    config = None
    if len(found) == 1:
        config = found[0].get("typedConfig") or found[0].get("typed_config")
    if config is None:
        raise DocumentError.at(value.place, "expected an HTTP filter with its 'typedConfig'")
    return Node.of(config.plain(), value.place)


def _places(node: Node, policy: Policy, world: World) -> Iterator[str]:
    """Before workloads, at callers, at the gateway: by whose listeners are meant."""
    origin = text(node.find("httpFilter").get("match") or Node(None, node.place), "origin")
    entries = world.catalog.entries
    followers = policy.followers
    names = [*entries] if followers.everybody else [*followers.services]
    for name in names:
        entry, versions = entries[name], followers.services.get(name)
        if origin in ("", "inbound") and entry.outside is None:
            yield from (f"{name}/{each}" for each in versions) if versions else (name,)
        if origin in ("", "outbound") and entry.calls:
            yield f"{name} -> *"
    at_ingress = followers.ingress and any(entry.ingress for entry in entries.values())
    if origin in ("", "gateway") and at_ingress:
        yield f"{INGRESS} -> *"
