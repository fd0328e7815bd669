"""Intentions, defaults and gateways of Consul's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.consul.samples import SHOP, entry
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined
from tests.mesh_patterns.running import Running, running

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
WHO = ("web GET /", "robot GET /", "client GET /")
DENY_ALL = entry("service-intentions", 'Sources: [{Name: "*", Action: deny}]', '"*"')


def intentions(*sources: str, name: str = "books") -> str:
    return entry("service-intentions", f"Sources: [{', '.join(sources)}]", name)


async def statuses(mesh: Running, *requests: str) -> list[int]:
    """``CALLER METHOD PATH``, each."""
    found = []
    for request in requests:
        caller, method, path = request.split()
        found.append((await mesh.get("books", path, method=method, caller=caller)).status)
    return found


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([intentions("{Name: web, Action: allow}")], [200, 200, 200]),
        ([intentions("{Name: web, Action: deny}")], [403, 200, 200]),
        ([intentions('{Name: "*", Action: deny}', "{Name: web, Action: allow}")], [200, 403, 403]),
        ([DENY_ALL, intentions("{Name: web, Action: allow}")], [200, 403, 403]),
        ([DENY_ALL, intentions('{Name: "*", Action: allow}', "{Name: robot, Action: deny}")],
         [200, 403, 200]),
        ([entry("service-intentions",
                'Sources: [{Name: "*", Action: deny}, {Name: robot, Action: allow}]', '"*"')],
         [403, 200, 403]),
    ],
)  # fmt: skip
async def test_the_nearest_intention_decides(
    tmp_path: Path, texts: list[str], expected: list[int]
) -> None:
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        assert await statuses(mesh, *WHO) == expected


@pytest.mark.asyncio
async def test_of_permissions_the_first_that_holds_decides(tmp_path: Path) -> None:
    permissions = (
        "{Action: allow, HTTP: {PathExact: /own/open}}",
        "{Action: deny, HTTP: {PathPrefix: /own, Methods: [PUT, GET]}}",
        "{Action: allow, HTTP: {Methods: [GET, POST]}}",
    )
    source = f"{{Name: web, Permissions: [{', '.join(permissions)}]}}"
    async with running(joined(NODE, SHOP, DENY_ALL, intentions(source)), tmp_path) as mesh:
        asked = ("GET /own/open", "PUT /own/open", "GET /own", "POST /own", "GET /", "PUT /")
        found = await statuses(mesh, *(f"web {each}" for each in asked))
        assert found == [200, 200, 403, 200, 200, 403]
        assert await statuses(mesh, "robot GET /") == [403]


@pytest.mark.asyncio
async def test_permissions_of_everybody_are_not_of_whoever_is_named(tmp_path: Path) -> None:
    """And who is in no permission may, as where nothing is denied to all."""
    rest = '{Name: "*", Permissions: [{Action: deny, HTTP: {Header: [{Name: x, Exact: y}]}}]}'
    texts = intentions(rest, "{Name: web, Action: allow}")
    async with running(joined(NODE, SHOP, texts), tmp_path) as mesh:
        assert await statuses(mesh, *WHO) == [200, 200, 200]
        found = [
            (await mesh.get("books", "/", {"x": "y"}, caller=c)).status for c in ("web", "robot")
        ]
        assert found == [200, 403]


def test_a_token_that_is_asked_for_is_nobodys(imported: Import, told: Told) -> None:
    asked = "{Action: allow, HTTP: {PathPrefix: /}, JWT: {Providers: [{Name: o}]}}"
    source = f"{{Name: web, Permissions: [{asked}]}}"
    lines = told(imported(SHOP, DENY_ALL, intentions(source)))
    assert any("jwt: nobody has a token, so nobody is let in" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (intentions("{Name: web}"), "a source has an action, or permissions"),
        (intentions("{Name: web, Action: maybe}"), "expected allow or deny, got 'maybe'"),
        (intentions("{Action: deny}"), "a source has no 'name'"),
        (entry("service-intentions", ""), "ServiceIntentions 'books' has no 'sources'"),
        (intentions("{Name: web, Permissions: [{Action: deny, HTTP: {PathExact: a}}]}"),
         "a path begins with '/'"),
        (entry("service-defaults", "Protocol: smtp"), "unknown protocol 'smtp'"),
        (entry("service-defaults", "EnvoyExtensions: [{Name: builtin/lua, Arguments: {Listener: in,"
               " Script: a}}]"), "expected inbound or outbound, got 'in'"),
        (entry("ingress-gateway", "Listeners: [{Port: 1, Protocol: udp}]", "edge"),
         "unknown protocol 'udp'"),
    ],
)  # fmt: skip
def test_what_consul_would_not_take_is_refused(
    refusal: Callable[..., str], text: str, line: str
) -> None:
    found = refusal(SHOP, text)
    assert line in found
    assert found.count("\n") == 0


def test_a_caller_has_limits_for_each_whom_it_calls(imported: Import) -> None:
    text = """
    apiVersion: consul.hashicorp.com/v1alpha1
    kind: ServiceDefaults
    metadata: {name: web}
    spec:
      maxInboundConnections: 7
      upstreamConfig:
        defaults: {limits: {maxConnections: 5, maxPendingRequests: 0}, connectTimeoutMs: 300}
        overrides:
        - {name: books, limits: {maxConcurrentRequests: 2},
           passiveHealthCheck: {maxFailures: 4, interval: 2s}}
    """
    draft = imported(SHOP, text)
    books, authors = (draft.edges["web", name].settings for name in ("books", "authors"))
    assert books["circuit_breaker"].value.max_requests == 2
    assert authors["circuit_breaker"].value.max_connections == 5
    assert authors["circuit_breaker"].value.max_pending_requests is None
    assert books["outlier_detection"].value.consecutive_5xx == 4
    assert "outlier_detection" not in authors
    assert books["connection_pool"].value.connect_timeout.total_seconds() == 0.3
    assert "circuit_breaker" not in draft.edges["robot", "books"].settings


@pytest.mark.asyncio
async def test_a_script_runs_before_the_service_and_a_rate_is_kept(tmp_path: Path) -> None:
    script = "function envoy_on_response(h) h:headers():add('x-lua', 'in') end"
    text = entry(
        "service-defaults",
        "RateLimits: {InstanceLevel: {RequestsPerSecond: 1}}\nEnvoyExtensions:\n"
        f'- {{Name: builtin/lua, Arguments: {{Listener: inbound, Script: "{script}"}}}}',
    )
    async with running(joined(NODE, SHOP, text), tmp_path) as mesh:
        first, second = await mesh.get("books"), await mesh.get("books")
        assert first.headers["x-lua"] == "in"
        assert {first.status, second.status} <= {200, 429}


def test_a_service_is_at_the_ingress_under_its_hosts(imported: Import) -> None:
    listeners = (
        "Listeners: [{Port: 80, Protocol: http, Services: "
        "[{Name: books, Hosts: [books.example.com]}, {Name: authors}]}]"
    )
    services = imported(SHOP, entry("ingress-gateway", listeners, "edge")).mesh.services
    found = [services[name].ingress for name in ("books", "authors")]
    assert [each.hosts for each in found if each] == [
        ("books.example.com",), ("authors.ingress.consul",)
    ]  # fmt: skip


def test_what_is_behind_a_terminating_gateway_is_outside(imported: Import, told: Told) -> None:
    draft = imported(SHOP, entry("terminating-gateway", "Services: [{Name: billing}]", "out"))
    assert "billing" in draft.mesh.services
    assert any("outside of the mesh, so the echo stands in" in line for line in told(draft))


def test_what_all_speak_is_said_once_and_may_be_said_of_one(imported: Import) -> None:
    texts = (
        entry("proxy-defaults", "Config: {protocol: tcp}", "global"),
        entry("service-defaults", "Protocol: grpc"),
    )
    services = imported(SHOP, *texts).mesh.services
    assert (services["books"].protocol, services["authors"].protocol) == ("grpc", "tcp")
