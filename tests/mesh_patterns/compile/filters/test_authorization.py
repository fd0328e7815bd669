"""Authorization in a real Envoy: 403 for what is refused, and nothing is noticed by the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import TCPConnector

from mesh_patterns.compile.filters import authorization
from mesh_patterns.model import Instance
from mesh_patterns.placement import inbound
from mesh_patterns.policy import Access, Authorization
from tests.mesh_patterns.running import Running, running
from xds_server.protos import rbac

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    shop: {calls: [api]}
    api:
    paths:
    both:
    locked:
    watched:
    near:
    far: {ingress: true}
    parted: {versions: {v1: , v2: }}
    rpc: {protocol: grpc}
patterns:
- pattern: authorization
  on: api
  allow:
  - {methods: [GET, HEAD], paths: [/pub/*, /exact]}
  - {headers: {x-role: admin, x-zone: {prefix: eu-}}}
- pattern: authorization
  on: paths
  allow:
    paths: [/whole, {exact: /one}, "*.html", {contains: mid}, {regex: "/v[0-9]+"}, /tree/]
- pattern: authorization
  on: both
  allow: {methods: GET}
  deny: {paths: /private, hosts: both}
- {pattern: authorization, on: locked, allow: []}
- {pattern: authorization, on: watched, allow: [], dry_run: true}
- {pattern: authorization, on: near, allow: {ip_blocks: [127.0.0.2, 10.0.0.0/8]}}
- {pattern: authorization, on: far, deny: {remote_ip_blocks: 203.0.113.0/24}}
- {pattern: authorization, on: parted/v2, deny: [{headers: {x-role: {present: false}}}]}
- {pattern: authorization, on: rpc, allow: []}
"""
DENIED = (403, "RBAC: access denied")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("access")) as mesh:
        yield mesh


ADMIN = {"x-role": "admin", "x-zone": "eu-1"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/pub/a?b=c", {}, 200),
        ("HEAD", "/pub/", {}, 200),
        ("GET", "/exact", {}, 200),
        ("GET", "/exact/too", {}, 200),
        ("GET", "/exactly", {}, 403),
        ("GET", "/pub", {}, 403),
        ("GET", "/priv", {}, 403),
        ("GET", "/priv/../pub/a", {}, 200),
        ("GET", "/pub/../priv", {}, 403),
        ("GET", "/priv?x=/pub/", {}, 403),
        ("POST", "/pub/a", {}, 403),
        ("POST", "/priv", ADMIN, 200),
        ("POST", "/priv", {"x-role": "admin"}, 403),
        ("POST", "/priv", ADMIN | {"x-zone": "us-1"}, 403),
        ("POST", "/priv", ADMIN | {"x-role": "administrator"}, 403),
    ],
)
async def test_all_of_one_rule_holds_or_the_request_is_refused(
    mesh: Running, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    reached = mesh.upstream.reached["api"]
    answer = await mesh.get("api", path, headers, method, caller="shop")
    assert answer.status == status
    assert mesh.upstream.reached["api"] == reached + (status == 200)
    assert answer.body == DENIED[1] or status == 200


async def test_a_repeated_header_needs_one_that_matches(mesh: Running) -> None:
    zone = ("x-zone", "eu-1")
    apart = [("x-role", "user"), ("x-role", "admin"), zone]
    joined = [("x-role", "user,admin"), zone]
    assert (await mesh.get("api", "/priv", apart)).status == 200
    assert (await mesh.get("api", "/priv", joined)).status == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/whole", 200), ("/whole/part", 200), ("/wholesale", 403)),
        *(("/one", 200), ("/one/two", 403)),
        *(("/a/b.html", 200), ("/a/b.html?x=1", 200), ("/a/b.htm?x=.html", 403)),
        *(("/a/mid/b", 200), ("/v12", 200), ("/v1/x", 403), ("/tree/a", 200), ("/tree", 403)),
    ],
)
async def test_a_path_is_looked_at_without_its_query(mesh: Running, path: str, status: int) -> None:
    assert (await mesh.get("paths", path)).status == status


async def test_what_is_denied_stays_so_whatever_is_allowed(mesh: Running) -> None:
    assert (await mesh.get("both", "/open")).status == 200
    assert (await mesh.get("both", "/open", method="PUT")).status == 403
    assert (await mesh.get("both", "/private/x")).status == 403
    assert (await mesh.get("both", "/private/x", host="both:80")).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/%70rivate", 403), ("/./private", 403), ("/x/%2e%2e/private", 403)),
        *(("/private?x", 403), ("/private/", 403)),
        *(("//private", 200), ("/private%2Fx", 200), ("/PRIVATE", 200), ("/private;x", 200)),
    ],
)
async def test_a_denied_path_may_be_written_in_ways_that_envoy_does_not_know(
    mesh: Running, path: str, status: int
) -> None:
    """Which of them the workload takes for the same is its own affair: allow what is meant."""
    assert (await mesh.get("both", path)).status == status


async def test_an_empty_list_lets_nobody_in(mesh: Running) -> None:
    answer = await mesh.get("locked")
    assert (answer.status, answer.body) == DENIED
    assert mesh.upstream.reached["locked"] == 0
    assert await mesh.stat("http.inbound-locked.rbac.denied") == 1


async def test_nobody_gets_around_it_by_going_to_the_workloads_proxy(mesh: Running) -> None:
    key = inbound(Instance("locked", ""))
    assert (await mesh.send(key, "/", {}, "GET", "locked")).status == 403


async def test_a_dry_run_counts_and_refuses_nothing(mesh: Running) -> None:
    assert (await mesh.get("watched")).status == 200
    assert await mesh.stat("http.inbound-watched.rbac.shadow_denied") == 1
    assert await mesh.stat("http.inbound-watched.rbac.denied") == 0


async def test_a_block_is_of_the_address_that_connects(mesh: Running) -> None:
    assert (await mesh.get("near")).status == 403
    assert (await mesh.get("near", headers={"x-forwarded-for": "127.0.0.2"})).status == 403
    connector = TCPConnector(local_addr=("127.0.0.2", 0))
    url = f"http://127.0.0.1:{mesh.placement.port(inbound(Instance('near', '')))}/"
    async with aiohttp.ClientSession(connector=connector) as near, near.get(url) as answer:
        assert answer.status == 200


async def test_a_remote_block_is_of_the_client_as_it_is_told(mesh: Running) -> None:
    for address, status in {"203.0.113.7": 403, "203.0.114.7": 200}.items():
        told = await mesh.get("far", headers={"x-forwarded-for": address})
        assert told.status == status, address
    claimed = {"x-forwarded-for": "203.0.113.7"}
    through = await mesh.send("ingress:any", "/", claimed, "GET", "far")
    assert through.status == 200, "the ingress says who it was"


async def test_a_version_may_be_guarded_alone(mesh: Running) -> None:
    seen = [(await mesh.get("parted")).status for _ in range(4)]
    assert sorted(seen) == [200, 200, 403, 403]
    named = [(await mesh.get("parted", headers={"x-role": "any"})).status for _ in range(4)]
    assert named == [200] * 4


async def test_a_grpc_caller_is_told_permission_denied(mesh: Running) -> None:
    headers = {"content-type": "application/grpc", "te": "trailers"}
    answer = await mesh.get("rpc", "/any.Service/Call", headers, "POST")
    assert (answer.status, answer.headers["grpc-status"]) == (200, "7")


async def test_a_rule_about_nothing_is_about_everything() -> None:
    made = authorization.message(Authorization("deny", (Access(),)))
    everything = rbac.Policy(
        permissions=[rbac.Permission(any=True)], principals=[rbac.Principal(any=True)]
    )
    assert made.rules == rbac.Rbac(action=rbac.RbacAction.DENY, policies={"deny[0]": everything})
    assert made.shadow_rules is None


async def test_a_caller_is_the_name_in_its_certificate() -> None:
    rule = Access(principals=("spiffe://shop/web", "spiffe://shop/api"))
    made = authorization.message(Authorization("allow", (rule,), dry_run=True))
    assert made.rules is None
    assert made.shadow_rules is not None
    (principal,) = made.shadow_rules.policies["allow[0]"].principals
    assert principal.or_ids is not None
    names = [each.authenticated for each in principal.or_ids.ids]
    found = [each.principal_name.exact for each in names if each and each.principal_name]
    assert found == ["spiffe://shop/web", "spiffe://shop/api"]
