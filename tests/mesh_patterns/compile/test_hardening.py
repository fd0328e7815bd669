"""An entrance that is hardened, in a real Envoy: what it refuses, and what it lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    plain: {ingress: {port: 0000, hosts: [plain.example]}}
    web: {ingress: {hosts: [web.example]}}
    soft:
    small:
patterns:
- {pattern: hardening, on: ingress, headers_within: 300ms, trusted_hops: 1}
- {pattern: hardening, on: soft, escaped_slashes: unescape, underscores: drop}
- {pattern: hardening, on: small, max_headers_kib: 2, max_header_count: 5}
""".replace("port: 0000, ", "")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("hardening")) as mesh:
        yield mesh


async def status(mesh: Running, key: str, request: str) -> int | None:
    """Of a request as it is written; None if the connection is closed without an answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, mesh.placement.port(key))
    async with asyncio.timeout(5):
        writer.write(request.encode())
        line = await reader.readline()
        writer.close()
    return int(line.split()[1]) if line else None


def get(path: str, *fields: str, host: str = "web.example") -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"host: {host}", *fields, "", ""])


@pytest.mark.parametrize(
    ("path", "fields", "wanted"),
    [
        ("/fine", (), 200),
        ("/a..%2fb", (), 400),
        ("/a%5Cb", (), 400),
        ("/x", ("bad_name: 1",), 400),
        ("/x", (f"big: {'x' * 61 * 1024}",), 431),
        ("/x", tuple(f"x-{i}: 1" for i in range(101)), 431),
    ],
)
async def test_what_no_honest_client_sends_does_not_get_in(
    mesh: Running, path: str, fields: tuple[str, ...], wanted: int
) -> None:
    before = mesh.upstream.reached["web"]
    assert await status(mesh, "ingress:any", get(path, *fields)) == wanted
    assert mesh.upstream.reached["web"] - before == (wanted == 200)


async def test_who_does_not_finish_his_headers_is_not_waited_for(mesh: Running) -> None:
    assert await status(mesh, "ingress:any", "GET / HTTP/1.1\r\nhost: web.example\r\n") == 408


async def test_slashes_that_are_doubled_are_one(mesh: Running) -> None:
    answer = await mesh.send("ingress:any", "//a//b", {}, "GET", "web.example")
    assert answer.path == "/a/b"


async def test_who_is_trusted_says_who_the_client_is(mesh: Running) -> None:
    fields = {"x-forwarded-for": "203.0.113.7"}
    answer = await mesh.send("ingress:any", "/", fields, "GET", "web.example")
    assert answer.got("x-envoy-external-address") == ["203.0.113.7"]


async def test_a_service_may_be_softer(mesh: Running) -> None:
    answer = await mesh.send("inbound:soft", "/a%2Fb", {"bad_name": "1"}, "GET", "soft")
    assert (answer.path, answer.got("bad_name")) == ("/a/b", [])


async def test_a_service_may_be_stricter(mesh: Running) -> None:
    big = get("/", f"big: {'x' * 3000}", host="small")
    many = get("/", *(f"x-{i}: 1" for i in range(6)), host="small")
    assert await status(mesh, "inbound:small", big) == 431
    assert await status(mesh, "inbound:small", many) == 431
    assert await status(mesh, "inbound:soft", big) == 200
