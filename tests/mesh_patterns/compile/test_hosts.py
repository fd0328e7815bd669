"""By which names a caller reaches whom: tables without an Envoy, and requests with one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.compile.hosts import ingress_hosts, outbound_hosts
from mesh_patterns.draft import Draft
from mesh_patterns.placement import Caller, call, outbound
from tests.mesh_patterns.conftest import Read, Refusal
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


def table(draft: Draft, caller: str, callee: str) -> list[tuple[tuple[str, ...], int]]:
    """Each virtual host's domains and how many rows it has."""
    hosts = outbound_hosts(draft, draft.edges[caller, callee], 9000)
    return [(host.domains, len(host.rows)) for host in hosts]


def edge(draft: Draft) -> list[tuple[str, tuple[str, ...], list[str]]]:
    """Each virtual host of the ingress: its name, its domains, and the callees of its rows."""
    edges = [each for (caller, _), each in draft.edges.items() if caller == "ingress"]
    return [
        (host.name, host.domains, [row.edge.callee for row in host.rows])
        for host in ingress_hosts(draft, edges)
    ]


async def test_a_service_is_known_by_its_name_its_hosts_and_a_port_of_its_own(read: Read) -> None:
    draft = read("mesh: {services: {Web: {hosts: [Web.Shop, web]}}}")
    domains = ("web", "web.shop", "web:*", "web.shop:*", "127.0.0.1:9000", "localhost:9000")
    assert table(draft, "client", "Web") == [(domains, 1)]


async def test_a_rule_with_hosts_is_for_those_only_and_makes_them_known(read: Read) -> None:
    draft = read("""\
        mesh: {services: {web: {hosts: [web.shop]}}}
        patterns:
        - {pattern: route, on: web, rules: [{hosts: [new.shop], timeout: 1s}, {match: {path: /x}}]}
    """)
    assert table(draft, "client", "web") == [
        (("web", "web.shop", "web:*", "web.shop:*", "127.0.0.1:9000", "localhost:9000"), 2),
        (("new.shop", "new.shop:*"), 1),  # nothing gets past a rule that matches everything
    ]


async def test_names_with_the_same_rows_are_one_virtual_host_of_the_ingress(read: Read) -> None:
    draft = read("""\
        mesh:
          services:
            web: {ingress: {hosts: [a.example, b.example]}}
            api: {ingress: true}
    """)
    assert edge(draft) == [
        ("a.example", ("a.example", "a.example:*", "b.example", "b.example:*"), ["web"]),
        ("any", ("*",), ["api"]),
    ]


async def test_services_may_share_a_name_when_all_but_one_have_rules_for_it(read: Read) -> None:
    draft = read("""\
        mesh: {services: {web: {ingress: true}, api: {ingress: true}}}
        patterns:
        - {pattern: route, on: ingress -> api, otherwise: not_found, rules: [{match: {path: /api}}]}
    """)
    assert edge(draft) == [("any", ("*",), ["api", "web"])]


async def test_two_services_that_answer_for_everything_under_one_name_are_refused(
    refusal: Refusal,
) -> None:
    assert refusal("mesh: {services: {web: {ingress: true}, api: {ingress: true}}}") == (
        "1:41: 'api' and 'web' (at 1:19) both answer for host '*' at the ingress; "
        "give them hosts or ports of their own, or routes"
    )


async def test_a_name_inside_the_mesh_leads_to_one_service(refusal: Refusal) -> None:
    told = "both answer for host 'x'; a host leads to one service"
    assert refusal("mesh: {services: {a: {hosts: [x]}, b: {hosts: [X]}}}") == (
        f"1:36: 'b' and 'a' (at 1:19) {told}"
    )
    assert refusal("mesh: {services: {a: {hosts: [x]}, x: }}") == (
        f"1:36: 'x' and 'a' (at 1:19) {told}"
    )


MESH = """
mesh:
  dataplane: node
  services:
    page: {calls: [web, api]}
    web: {versions: {v1: , v2: }, hosts: [web.shop], ingress: {hosts: [shop.example]}}
    api: {ingress: true}
    new: {ingress: true}
patterns:
- {pattern: route, on: web, rules: [{hosts: [new.shop], to: v2}, {match: {path: /v1}, to: v1}]}
- {pattern: route, on: ingress -> new, otherwise: not_found, rules: [{match: {path: /new}}]}
- {pattern: canary, on: page -> web, weights: {v1: 100}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("hosts")) as mesh:
        yield mesh


@pytest.mark.parametrize("host", ["web", "WEB", "web.shop", "web:80", "web.shop:9080"])
async def test_the_host_header_chooses_the_callee(mesh: Running, host: str) -> None:
    key = outbound(Caller("page", "page"))
    assert (await mesh.send(key, "/", {}, "GET", host)).instance == "web-v1"


async def test_a_workload_that_knows_nothing_of_host_headers_uses_a_port(mesh: Running) -> None:
    for callee, instance in [("web", "web-v1"), ("api", "api")]:
        key = call(Caller("page", "page"), callee)
        host = f"127.0.0.1:{mesh.placement.port(key)}"
        assert (await mesh.send(key, "/", {}, "GET", host)).instance == instance


async def test_a_rule_with_hosts_leaves_requests_under_other_names(mesh: Running) -> None:
    key = outbound(Caller("page", "page"))
    assert (await mesh.send(key, "/v1", {}, "GET", "new.shop")).instance == "web-v2"
    assert (await mesh.send(key, "/v1", {}, "GET", "web.shop")).instance == "web-v1"


async def test_whom_a_service_does_not_call_it_does_not_reach(mesh: Running) -> None:
    key = outbound(Caller("page", "page"))
    assert (await mesh.send(key, "/", {}, "GET", "new")).status == 404


@pytest.mark.parametrize(
    ("host", "path", "instance"),
    [
        ("shop.example", "/v1", "web-v1"),
        ("shop.example:8080", "/v1", "web-v1"),
        ("elsewhere", "/", "api"),
        ("elsewhere", "/new/x", "new"),
        ("new.shop", "/", "web-v2"),
    ],
)
async def test_the_ingress_goes_by_host_and_then_by_path(
    mesh: Running, host: str, path: str, instance: str
) -> None:
    assert (await mesh.send("ingress:any", path, {}, "GET", host)).instance == instance
