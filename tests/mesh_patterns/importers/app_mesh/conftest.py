"""Documents of App Mesh's API, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.importers.conversion import Converted, convert
from mesh_yaml import yaml

Patterns = Callable[..., list[dict[str, Any]]]
Made = dict[str, Any]


def node(name: str, *backends: str, host: str = "", **listener: Any) -> Made:
    """A virtual node that speaks HTTP, or what its listener says."""
    port = {"port": 80, "protocol": listener.pop("protocol", "http")}
    spec: Made = {"listeners": [{"portMapping": port, **listener}]}
    if host:
        spec["serviceDiscovery"] = {"dns": {"hostname": host}}
    if backends:
        spec["backends"] = [{"virtualService": {"virtualServiceName": b}} for b in backends]
    return {"meshName": "m", "virtualNodeName": name, "spec": spec}


def service(name: str, **provider: str) -> Made:
    """``router=…`` or ``node=…``."""
    ((kind, of),) = provider.items()
    key = f"virtual{kind.title()}"
    spec = {"provider": {key: {f"{key}Name": of}}}
    return {"meshName": "m", "virtualServiceName": name, "spec": spec}


def router(name: str) -> Made:
    return {"meshName": "m", "virtualRouterName": name, "spec": {}}


def route(of: str, name: str, kind: str = "httpRoute", /, priority: int = 0, **body: Any) -> Made:
    targets = [{"virtualNode": each, "weight": w} for each, w in body.pop("to").items()]
    inner = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}, **body}
    spec = {kind: inner, **({"priority": priority} if priority else {})}
    return {"meshName": "m", "virtualRouterName": of, "routeName": name, "spec": spec}


def gateway_route(name: str, match: Made, to: str, **more: Any) -> Made:
    action = {"target": {"virtualService": {"virtualServiceName": to}}, **more}
    spec = {"httpRoute": {"match": match, "action": action}}
    return {"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": name, "spec": spec}


SHOP = [
    node("web", "api.demo.local", host="web.demo.local"),
    node("api-v1", host="api-v1.demo.local"),
    node("api-v2", host="api-v2.demo.local"),
    service("api.demo.local", router="api"),
    service("web.demo.local", node="web"),
    router("api"),
]


def written(documents: tuple[Made, ...]) -> str:
    return "\n---\n".join(json.dumps(each) for each in documents)


@pytest.fixture
def converted() -> Callable[..., Converted]:
    return lambda *documents: convert(yaml.parse(written(documents), "a.json"))


@pytest.fixture
def made(converted: Callable[..., Converted]) -> Patterns:
    """``made(document, …)``: the patterns, plain; of one kind if ``kind`` says so."""

    def patterns(*documents: Made, kind: str = "") -> list[dict[str, Any]]:
        (tree,) = converted(*documents).trees
        found = tree.get("patterns")
        assert found is not None
        plain: Any = found.plain()
        return [each for each in plain if kind in ("", each["pattern"])]

    return patterns


@pytest.fixture
def said(converted: Callable[..., Converted]) -> Callable[..., list[str]]:
    return lambda *documents: [each.message for each in converted(*documents).warnings]
