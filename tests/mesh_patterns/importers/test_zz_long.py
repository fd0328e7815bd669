"""What has been good, with anything in it changed, is imported or refused, never a crash."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_patterns import assemble
from mesh_patterns.compile import compile_mesh
from mesh_patterns.importers.conversion import convert
from mesh_patterns.importers.dialects import is_foreign
from mesh_patterns.load import apply
from mesh_patterns.placement import Placement
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.yaml import parse
from tests.mesh_patterns.importers.conftest import ROOT
from tests.mesh_patterns.importers.consul import samples as consul
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, joined, route, services
from tests.mesh_patterns.importers.gateway_api.test_rules import GRANT, RULES
from tests.mesh_patterns.importers.linkerd import samples as linkerd
from tests.mesh_patterns.importers.smi.test_access import APPS, ROUTES, TCP_ALPHA1, target
from tests.mesh_patterns.importers.smi.test_splits import GROUP, SERVERS, shares, split

STREAMS = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: edge}
    spec: {listeners: [{name: t, protocol: TCP, port: 1}, {name: s, protocol: TLS, port: 2,
           tls: {mode: Passthrough}, hostname: "*.example.com"}]}
"""
CONNECTIONS = "- backendRefs: [{name: one, weight: 8}, {name: two, weight: 2}]"
CALLS = "- {matches: [{method: {service: a.B, method: C}, headers: [{name: a, value: b}]}]}"
MATCHES = ", matches: [{kind: HTTPRouteGroup, name: firefox}]"


def example(name: str) -> str:
    """The documents of others in one of our examples; its claims come last."""
    return (ROOT / "examples" / f"{name}.yaml").read_text().rpartition("---\nexpect:")[0]


def shop(name: str) -> str:
    """One of the shops that are proven; their claims are files of their own."""
    return (Path(__file__).parent / "data" / f"{name}.yaml").read_text()


GOOD = {
    "app mesh": shop("app_mesh"),
    "kuma": shop("kuma"),
    "routes": joined(GATEWAY, GRANT, services("one", "two"), route(RULES, hosts='["*.a.com"]')),
    "calls": joined(GATEWAY, route(CALLS, kind="GRPCRoute"), services("one")),
    "connections": joined(
        STREAMS,
        route(CONNECTIONS, kind="TCPRoute"),
        route(CONNECTIONS, "s", hosts="[a.example.com]", kind="TLSRoute"),
    ),
    "mesh": joined(
        SERVERS, route(RULES, parent='{group: "", kind: Service, name: app-svc, port: 80}')
    ),
    "splits": joined(
        SERVERS, GROUP, split(shares(9, "1m"), more=MATCHES), split(shares(1, 2), "t")
    ),
    "consul": joined(SERVERS, example("consul").partition("---\nmesh:")[0], consul.ALL),
    "linkerd": example("linkerd"),
    "linkerd policy": joined(linkerd.SHOP, linkerd.ALL),
    "targets": joined(*APPS, ROUTES, TCP_ALPHA1, target("[metrics]")),
}
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**20,
        1.5,
        "",
        "a",
        "*",
        "/",
        "//",
        "a/b",
        "é\n",
        "%",
        "(",
        [],
        {},
        [None],
    ]
    + [["a"], [[]], {"a": None}, {"name": {}}, [{"type": "Exact"}], "Service", "0s", "1s", ["*"]]
)


def paths(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a tree."""
    if at:
        yield at
    pairs = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, item in pairs:
        yield from paths(item, (*at, key))


def changed(tree: Any, path: tuple[Any, ...], junk: Any) -> Any:
    made = deepcopy(tree)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = junk
    return made


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_any_change_of_what_was_good_is_imported_or_refused(name: str, data: st.DataObject) -> None:
    documents = [document.plain() for document in parse(GOOD[name], "any.yaml")]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in paths(documents) if len(p) > 1]))
        documents = changed(documents, path, data.draw(JUNK))
    nodes = [Node.of(document, Place("any.yaml", 3)) for document in documents]
    with contextlib.suppress(DocumentError):
        converted = convert([node for node in nodes if is_foreign(node)])
        mesh = assemble.mesh("any", converted.trees, [], converted.warnings)
        compile_mesh(apply(mesh), Placement.imagined(mesh))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_good_is_imported(name: str) -> None:
    converted = convert(parse(GOOD[name], "any.yaml"))
    mesh = assemble.mesh("any", converted.trees, [], converted.warnings)
    assert compile_mesh(apply(mesh), Placement.imagined(mesh))
