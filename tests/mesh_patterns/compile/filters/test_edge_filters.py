"""CORS, compression, sessions and Lua in a real Envoy: what a client sees of them."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.mesh_patterns.running import Answer, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    front: {calls: [open, sticky]}
    open:
    exact:
    whole:
    small:
    brotli:
    zstd:
    sticky: {versions: {v1: , v2: , v3: }}
    firm: {versions: {v1: , v2: }}
    scripted: {versions: {v1: , v2: }}
    apart:
patterns:
- {pattern: cors, on: front -> open, origins: '*', expose: x-kind}
- pattern: cors
  on: exact
  origins: [https://shop.example, {suffix: .shop.example}]
  methods: [PUT, DELETE]
  headers: x-token
  max_age: 1h
  credentials: true
- {pattern: compression, on: whole}
- {pattern: compression, on: small, min_bytes: 100000}
- {pattern: compression, on: brotli, codec: brotli}
- {pattern: compression, on: zstd, codec: zstd, types: application/json}
- {pattern: session, on: front -> sticky, ttl: 10m}
- {pattern: session, on: firm, cookie: here, path: /app, strict: true}
- pattern: lua
  on: scripted/v1
  code: |
    function envoy_on_request(handle)
      handle:headers():add("x-lua", "seen")
      if handle:headers():get("x-stop") then
        handle:respond({[":status"] = "418"}, "short and stout")
      end
    end
- pattern: lua
  on: client -> apart
  deliver: ecds
  code: |
    function envoy_on_response(handle)
      handle:headers():add("x-lua", "answered")
    end
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("edge")) as mesh:
        yield mesh


async def preflight(mesh: Running, to: str, origin: str, caller: str = "client") -> Answer:
    asked = {"origin": origin, "access-control-request-method": "PUT"}
    return await mesh.get(to, headers=asked, method="OPTIONS", caller=caller)


async def test_a_preflight_of_a_page_that_may_read_is_answered_by_envoy(mesh: Running) -> None:
    answer = await preflight(mesh, "exact", "https://shop.example")
    fields = ((name.lower(), value) for name, value in answer.headers.items())
    said = {name: value for name, value in fields if name.startswith("access-control")}
    assert (answer.status, answer.body) == (200, "")
    assert said == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT,DELETE",
        "access-control-allow-headers": "x-token",
        "access-control-max-age": "3600",
    }
    assert (await preflight(mesh, "exact", "https://a.shop.example")).body == ""


async def test_a_page_that_may_not_read_is_told_nothing(mesh: Running) -> None:
    answer = await mesh.get("exact", headers={"origin": "https://evil.example"})
    assert answer.status == 200  # the browser keeps it from the page
    assert "access-control-allow-origin" not in answer.headers


async def test_cors_on_an_edge_is_for_that_caller(mesh: Running) -> None:
    origin = {"origin": "https://any.example"}
    front = await mesh.get("open", headers=origin, caller="front")
    assert front.headers["access-control-allow-origin"] == "https://any.example"
    assert front.headers["access-control-expose-headers"] == "x-kind"
    client = await mesh.get("open", headers=origin)
    assert "access-control-allow-origin" not in client.headers


@pytest.mark.parametrize(
    ("to", "accepted", "codec"),
    [
        ("whole", "gzip", "gzip"),
        ("whole", "br", None),
        ("small", "gzip", None),
        ("brotli", "br", "br"),
        ("zstd", "zstd", "zstd"),
    ],
)
async def test_an_answer_is_compressed_as_its_client_can_read_it(
    mesh: Running, to: str, accepted: str, codec: str | None
) -> None:
    headers = {"accept-encoding": accepted, "x-pad": "x" * 200}
    url = mesh.url(f"inbound:{to}", "/")
    async with mesh.http.get(url, headers=headers, auto_decompress=False) as response:
        body = await response.read()
        assert response.headers.get("content-encoding") == codec
    if codec == "gzip":
        assert b"x-pad" in gzip.decompress(body)


async def test_who_has_come_once_comes_back_to_the_same_host(mesh: Running) -> None:
    first = await mesh.get("sticky", caller="front")
    cookie = first.headers["set-cookie"]
    assert "Max-Age=600" in cookie
    assert "HttpOnly" in cookie
    value = {"cookie": cookie.partition(";")[0]}
    again = [await mesh.get("sticky", headers=value, caller="front") for _ in range(6)]
    assert {each.instance for each in again} == {first.instance}
    others = [await mesh.get("sticky", caller="front") for _ in range(6)]
    assert len({each.instance for each in others}) > 1


async def test_a_session_counts_under_its_path_and_is_strict_if_it_shall_be(mesh: Running) -> None:
    first = await mesh.get("firm", "/app/x")
    assert first.headers["set-cookie"].startswith("here=")
    assert "set-cookie" not in (await mesh.get("firm", "/other")).headers
    gone = "here=CgkxMjcuMC4wLjE6MQ=="  # 127.0.0.1:1
    assert (await mesh.get("firm", "/app", {"cookie": gone})).status == 503


async def test_a_script_runs_where_it_stands(mesh: Running) -> None:
    answers = [await mesh.get("scripted") for _ in range(4)]
    seen = {answer.instance: answer.got("x-lua") for answer in answers}
    assert seen == {"scripted-v1": ["seen"], "scripted-v2": []}
    stopped = [await mesh.get("scripted", headers={"x-stop": "1"}) for _ in range(4)]
    assert sorted(answer.status for answer in stopped) == [200, 200, 418, 418]


async def test_a_script_that_comes_by_ecds_runs_on_its_edge_only(mesh: Running) -> None:
    assert (await mesh.get("apart")).headers["x-lua"] == "answered"
    assert "x-lua" not in (await mesh.get("exact")).headers
