"""Who gets in, asked of a real Envoy: Servers, their routes, and whom policies let in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined
from tests.mesh_patterns.importers.linkerd.samples import (
    NEAR,
    SERVER_AUTHORIZATION,
    SHOP,
    SOME,
    identities,
    networks,
    policy,
    server,
)
from tests.mesh_patterns.running import Running, running

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


async def statuses(mesh: Running, *requests: str) -> list[int]:
    """``CALLER METHOD PATH``, each."""
    found = []
    for request in requests:
        caller, method, path = request.split()
        found.append((await mesh.get("books", path, method=method, caller=caller)).status)
    return found


WHO = ("web GET /", "robot GET /", "client GET /")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([server()], [403, 403, 403]),
        ([server(", accessPolicy: all-unauthenticated")], [200, 200, 200]),
        ([server(", accessPolicy: audit")], [200, 200, 200]),
        ([server(), policy("[]")], [200, 200, 200]),
        ([server(), policy("[{kind: ServiceAccount, name: web}]")], [200, 403, 403]),
        ([server(), policy(f"[{SOME}]"), identities('{identities: ["*"]}')], [200, 200, 200]),
        ([server(), policy(f"[{SOME}]"),
          identities("{identities: [robot.default.serviceaccount.identity.linkerd.a.b]}")],
         [403, 200, 403]),
        ([server(), policy(f"[{SOME}]"),
          identities('{identities: ["*.default.serviceaccount.identity.linkerd.a.b"]}')],
         [200, 200, 403]),
        ([server(), policy(f"[{SOME}, {NEAR}]"), identities('{identities: ["*"]}'),
          networks("[{cidr: 10.0.0.0/8}]")], [403, 403, 403]),
        ([server(), policy(f"[{NEAR}, {{kind: ServiceAccount, name: web}}]"),
          networks("[{cidr: 10.0.0.0/8}, {cidr: 127.0.0.0/8, except: [127.0.0.9]}]")],
         [200, 403, 403]),
        ([server(), policy(f"[{NEAR}]"), networks("[{cidr: 127.0.0.0/8, except: [127.0.0.1]}]")],
         [403, 403, 403]),
        ([server(), policy(f"[{SOME}, {{kind: ServiceAccount, name: web}}]"),
          identities("{identityRefs: [{kind: ServiceAccount, name: robot}]}")], [403, 403, 403]),
        ([server(), policy("[{kind: ServiceAccount, name: web}]",
                           "{kind: Namespace, name: default}")], [200, 403, 403]),
        ([server(), SERVER_AUTHORIZATION], [200, 403, 403]),
        ([server(port="9999")], [200, 200, 200]),
    ],
)  # fmt: skip
async def test_a_server_lets_in_whom_somebody_authorizes(
    tmp_path: Path, texts: list[str], expected: list[int]
) -> None:
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        assert await statuses(mesh, *WHO) == expected


def route(name: str, match: str) -> str:
    """A route at the Server."""
    return f"""
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: Server, name: books}}]
  rules: [{{matches: [{match}]}}]
"""


def at(name: str) -> str:
    return f"{{group: policy.linkerd.io, kind: HTTPRoute, name: {name}}}"


@pytest.mark.asyncio
async def test_of_two_routes_the_more_specific_one_says_who_may(tmp_path: Path) -> None:
    texts = [
        server(),
        route("all", "{path: {value: /}}"),
        route("own", "{path: {value: /own}, method: PUT, headers: [{name: x, value: y}]}"),
        policy(f"[{SOME}]", at("all"), "a"),
        identities('{identities: ["*"]}'),
        policy("[{kind: ServiceAccount, name: web}]", at("own"), "b"),
    ]
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        assert await statuses(mesh, "web GET /own", "robot GET /own", "robot PUT /x") == [200] * 3
        fields = {"x": "y"}
        for caller, status in (("web", 200), ("robot", 403)):
            got = await mesh.get("books", "/own/1", fields, method="PUT", caller=caller)
            assert got.status == status
        assert await statuses(mesh, "robot PUT /own") == [200]  # without the header it is the other


@pytest.mark.asyncio
async def test_what_is_let_in_at_the_server_is_let_in_at_its_routes_alone(tmp_path: Path) -> None:
    texts = [server(), route("own", "{path: {value: /own}}"), policy("[]")]
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        assert await statuses(mesh, "web GET /own", "web GET /", "web GET /own/x") == [
            200,
            403,
            200,
        ]


@pytest.mark.asyncio
async def test_a_server_that_audits_counts_whom_it_would_refuse(tmp_path: Path) -> None:
    texts = [server(", accessPolicy: audit"), policy("[{kind: ServiceAccount, name: web}]")]
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        assert await statuses(mesh, *WHO) == [200, 200, 200]
        assert await mesh.stat(r"http\..*books.*\.rbac\..*shadow_denied") == 2


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([server(), policy(f"[{NEAR}]"), networks("[{cidr: 10.0.0.0/8}]")],
         "everybody here comes from 127.0.0.1, which is in none of these networks"),
        ([server(", accessPolicy: cluster-authenticated")], "for callers from anywhere"),
        ([server(), policy(f"[{SOME}]")], "no file has the MeshTLSAuthentication 'some'"),
        ([server(), policy("[{kind: ServiceAccount, name: cat}]")],
         "no workload here has the identity 'cat'"),
        ([policy("[]")], "no file has the Server 'books': AuthorizationPolicy 'a' is for nothing"),
        ([server(port="9999")], "a Server of another port than 8080"),
        ([server(), route("q", "{queryParams: [{name: a, value: b}]}"), policy("[]", at("q"))],
         "queryParams where it is said who may send: nobody may"),
    ],
)  # fmt: skip
def test_what_means_something_else_here_is_told(
    imported: Import, told: Told, texts: list[str], line: str
) -> None:
    assert any(line in each for each in told(imported(SHOP, *texts)))


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([server(", accessPolicy: dney")], "unknown policy 'dney'; did you mean 'deny'"),
        ([server(", proxyProtocol: HTTP/3")], "unknown proxyProtocol 'HTTP/3'"),
        ([server().replace("matchLabels: {app: books}",
                           "matchExpressions: [{key: a, operator: Is}]")], "unknown operator 'Is'"),
        ([server(), policy("[{kind: Secret, name: a}]")], "unknown kind 'Secret'"),
        ([server(), policy("[]", "{kind: Service, name: books}")], "unknown kind 'Service'"),
        ([server(), policy(f"[{NEAR}]"), networks("[{cidr: 10.0.0.0/99}]")],
         "expected an address or a network such as 10.0.0.0/8, got '10.0.0.0/99'"),
        ([server(), policy("[" + ", ".join([NEAR] * 4) + "]"),
          networks("[" + ", ".join(["{cidr: 127.0.0.0/8}"] * 9) + "]")], "at most 500 clients"),
        ([server(), *(route(f"r{i}", f"{{path: {{value: /{i}}}}}") for i in range(101))],
         "routes of 101 matches, at most 100"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_one_line(
    refusal: Callable[..., str], texts: list[str], line: str
) -> None:
    found = refusal(SHOP, *texts)
    assert line in found
    assert found.count("\n") == 0
