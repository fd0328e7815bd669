"""WasmPlugin and EnvoyFilter: HTTP filters in front of workloads, and on all that a caller sends.

What no object of Istio's is about is written as Envoy has it, and runs last.
https://istio.io/latest/docs/reference/config/networking/envoy-filter/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mesh_patterns.compile import filters as envoys
from mesh_patterns.draft import Draft, Filter
from mesh_patterns.exporters.fitting import words
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_patterns.kinds.envoy_filter import EnvoyFilter
from mesh_patterns.kinds.wasm import WasmFilter
from mesh_patterns.model import CLIENT, EGRESS, INGRESS

Made = dict[str, Any]
_ELSEWHERE = frozenset({"authorization"})
_OF_EDGES = frozenset({"fault", "cors"})  # which VirtualServices have
_STRATEGIES = {"fail": "FAIL_CLOSE", "open": "FAIL_OPEN", "reload": "FAIL_RELOAD"}
_MANAGER = "envoy.filters.network.http_connection_manager"
_ROUTER = "envoy.filters.http.router"
_FIRST = 1000  # the priority of the first plugin; a larger one comes first


def fit(draft: Draft, made: Draft, losses: Losses) -> None:
    """All filters that can be said, those that are Envoy's own words in the order that they had."""
    stands: dict[tuple[str, str], set[str]] = {}
    for each in draft.filters:
        if each.edge:
            stands.setdefault((each.name, each.caller), set()).add(each.edge[1])
    for each in sorted(draft.filters, key=_order):
        if each.kind in _ELSEWHERE or (each.kind in _OF_EDGES and each.edge in made.edges):
            continue
        on = stands.get((each.name, each.caller), set())
        if (fitted := _fitted(each, on, made, losses)) is not None:
            made.keep(fitted)


def _order(each: Filter) -> int:
    return envoys.ORDER.index(each.kind) if each.kind in envoys.ORDER else -1


def _fitted(each: Filter, on: set[str], made: Draft, losses: Losses) -> Filter | None:
    """``on`` are all whom its caller calls through it."""
    if each.layer != "http" or each.calls or each.asks or not _has_place(each, on, made):
        losses.lost(words(each.kind) + _where(each), each.place)
        return None
    if isinstance(each.config, WasmFilter):
        return _wasm(each, losses)
    module = envoys.module(each.kind)
    if hasattr(module, "on_route") or hasattr(module, "off"):
        losses.lost(words(each.kind), each.place)
        return None
    if isinstance(each.config, EnvoyFilter):
        return each
    losses.changed(f"{words(each.kind)} is an EnvoyFilter there, and runs last", each.place)
    from xds_server.mirror import any_of

    packed = any_of(envoys.config(each))
    config = EnvoyFilter(packed.type_url, packed.value)
    return replace(each, kind="envoy_filter", config=config, ecds=False)


def _where(each: Filter) -> str:
    if each.calls or each.asks:
        return ", which asks others"
    return "" if each.inbound else " on some of a caller's edges"


def _has_place(each: Filter, on: set[str], made: Draft) -> bool:
    """In front of workloads, or at a caller on all edges that it has."""
    if each.inbound is not None:
        return each.inbound.replica is None
    caller = each.edge[0] if each.edge else ""
    if caller in (CLIENT, EGRESS):
        return False
    return on >= {edge.callee for edge in made.edges_from(caller)}


def _wasm(each: Filter, losses: Losses) -> Filter | None:
    config: WasmFilter = each.config
    if config.vm_configuration:
        losses.lost("vm_configuration", each.place)
    if (plain := _json(config.configuration)) is None:
        losses.lost("a filter whose configuration is no mapping", each.place)
        return None
    text = json.dumps(plain, separators=(",", ":")) if plain else ""
    fitted = replace(config, configuration=text, vm_configuration="")
    return replace(each, config=fitted, ecds=False)


def _json(text: str) -> Made | None:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """A document for each filter and workload."""
    names = {each.service.name: each for each in known}
    made = []
    seen: set[tuple[str, str]] = set()
    for number, each in enumerate(draft.filters):
        key = (each.name, each.caller) if each.edge else (each.name, str(each.inbound))
        if each.kind not in ("wasm", "envoy_filter") or key in seen:
            continue
        seen.add(key)
        selector, metadata = _selected(each, names, number)
        write = _plugin if each.kind == "wasm" else _filter
        made.append(write(each, metadata, selector, number))
    return sorted(made, key=lambda document: document["kind"] != "WasmPlugin")


def _selected(each: Filter, names: Mapping[str, Known], number: int) -> tuple[Made, Made]:
    """Labels of the workloads, and the metadata."""
    label = each.name.replace("_", "-").replace(".", "-")
    if each.caller == INGRESS:
        name = f"{label}-{number + 1}-ingress"
        return {"istio": "ingressgateway"}, {"name": name, "namespace": "istio-system"}
    known = names[each.caller]
    version = each.inbound.version if each.inbound else None
    return dict(known.labels(version)), dict(known.metadata(f"{known.name}-{label}-{number + 1}"))


def _plugin(each: Filter, metadata: Made, labels: Made, number: int) -> Made:
    config: WasmFilter = each.config
    spec: Made = {
        "selector": {"matchLabels": labels}, "url": f"file://{config.file}",
        "sha256": config.sha256, "priority": _FIRST - number,
    }  # fmt: skip
    if config.root_id:
        spec["pluginName"] = config.root_id
    if config.configuration:
        spec["pluginConfig"] = json.loads(config.configuration)
    if config.on_trap != "fail":
        spec["failStrategy"] = _STRATEGIES[config.on_trap]
    if each.caller != INGRESS:
        spec["match"] = [{"mode": "SERVER" if each.inbound else "CLIENT"}]
    return {
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": metadata, "spec": spec,
    }  # fmt: skip


def _filter(each: Filter, metadata: Made, labels: Made, number: int) -> Made:
    from xds_server.mirror import render

    config: EnvoyFilter = each.config
    typed = {"@type": config.type_url} | render(config.type_url, config.body, secrets=True)
    context = "GATEWAY" if each.caller == INGRESS else "SIDECAR_OUTBOUND"
    where = {
        "context": "SIDECAR_INBOUND" if each.inbound else context,
        "listener": {"filterChain": {"filter": {"name": _MANAGER, "subFilter": {"name": _ROUTER}}}},
    }
    patch = {
        "operation": "INSERT_BEFORE", "value": {"name": each.name, "typed_config": typed}
    }  # fmt: skip
    return {
        "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata,
        "spec": {
            "workloadSelector": {"labels": labels},
            "configPatches": [{"applyTo": "HTTP_FILTER", "match": where, "patch": patch}],
        },
    }  # fmt: skip
