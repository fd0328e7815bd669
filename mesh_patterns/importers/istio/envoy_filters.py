"""EnvoyFilter: HTTP filters that it inserts, in Envoy's own words. What it changes elsewhere in
Istio's listeners, routes and clusters is told: ours are others.

https://istio.io/latest/docs/reference/config/networking/envoy-filter/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.istio.workloads import Choice, choice
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node

_KNOWN = ("workloadSelector", "targetRefs", "configPatches", "priority")
_INSERTS = frozenset({"INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "ADD"})
_DISCOVERED = "config_discovery"


def patterns(sources: Sequence[Source]) -> list[Node]:
    """The filters that all of them insert; what one discovers may stand in another."""
    made: list[Node] = []
    configs: dict[str, Node] = {}
    for source in sources:
        source.notes.guard(configs.update, _apart(source))
    for source in sources:
        source.notes.guard(made.extend, _of_filter(source, configs))
    return made


def _apart(source: Source) -> Iterator[tuple[str, Node]]:
    """Configurations for filters that discover theirs, by the names of those."""
    for each in source.list("configPatches"):
        value = each.find("patch").get("value")
        config = _typed(value) if value is not None else None
        if (
            config is not None
            and value is not None
            and _text(each, "applyTo") == "EXTENSION_CONFIG"
        ):
            yield _text(value, "name"), config


def _typed(value: Node) -> Node | None:
    return value.get("typed_config") or value.get("typedConfig")


def _of_filter(source: Source, configs: Mapping[str, Node]) -> Iterator[Node]:
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    found = choice(source)
    for each in source.list("configPatches"):
        config = _config(each, configs, source)
        if config is not None:
            for on in _places(each, found, source):
                yield pattern("envoy_filter", on, {"config": config}, each)


def _config(patch: Node, configs: Mapping[str, Node], source: Source) -> Node | None:
    """The configuration of the filter that a patch inserts; ``None``, told, for any other patch."""
    where = _text(patch, "applyTo")
    if where == "EXTENSION_CONFIG":
        return None  # for whoever discovers it
    operation = _text(patch, "patch", "operation").upper()
    if where != "HTTP_FILTER" or operation not in _INSERTS:
        source.skip(f"an EnvoyFilter that does {operation or 'nothing'} to {where}", patch)
        return None
    value = patch.find("patch").get("value") or Node(None, patch.place)
    config = _typed(value)
    if config is None and (value.get(_DISCOVERED) or value.get("configDiscovery")):
        config = configs.get(_text(value, "name"))
    if config is None:
        source.skip("an EnvoyFilter whose filter has no configuration here", patch)
    elif _fetches(config):
        source.skip("a filter whose code is fetched", patch)
        return None
    return config


def _fetches(config: Node) -> bool:
    """Whether the code of a WASM filter lies elsewhere; nothing is fetched here."""
    inner = config.get("value") or config
    vm = inner.find("config").get("vm_config") or inner.find("config").get("vmConfig")
    return vm is not None and vm.find("code").get("remote") is not None


def _places(patch: Node, found: Choice, source: Source) -> Iterator[str]:
    """Where it stands, by the context: before workloads, at callers, at the ingress."""
    context = _text(patch, "match", "context").upper() or "ANY"
    inbound, outbound = (
        context in ("ANY", "SIDECAR_INBOUND"),
        context in ("ANY", "SIDECAR_OUTBOUND"),
    )
    entries = source.world.catalog.entries
    for name, versions in found.services.items():
        if inbound:
            yield from (f"{name}/{each}" for each in versions) if versions else (name,)
        if outbound and entries[name].calls:
            yield f"{name} -> *"
    if context in ("ANY", "GATEWAY") and found.ingress and any(e.ingress for e in entries.values()):
        yield f"{INGRESS} -> *"


def _text(node: Node, *path: str) -> str:
    found: Node | None = node
    for step in path:
        found = found.get(step) if found is not None else None
    return found.text() if found is not None and found.value is not None else ""
