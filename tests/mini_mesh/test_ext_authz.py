"""Who is asked about requests in a running mesh: meshloom's rules, functions, and services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from mesh_patterns.beside import EXT_AUTHZ
from mesh_patterns.tokens import Token, sign
from mesh_yaml.place import DocumentError
from tests.mini_mesh.live import Live, started, traffic

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parent.parent.parent
FUNCTIONS = """
import asyncio
from mesh_patterns.ext_authz.rules import Allow, Deny

def decide(asked):
    if asked.path == "/broken":
        raise RuntimeError("no idea")
    if asked.path == "/rules":
        return None
    if asked.claims.get("sub") == "ann":
        return Allow(set=(("x-who", "ann"),))
    return asked.headers.get("x-let") == "me" or Deny(402, "pay", (("x-price", "1"),))

async def later(asked):
    await asyncio.sleep(0.01)
    return b"sesame" in asked.body
"""
HTTP = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        fine = self.path.startswith("/check/open")
        self.send_response(200 if fine else 418)
        self.send_header("x-checked", self.path)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Answer).serve_forever()
"""
GRPC = """
import asyncio, os
import grpc
from mini_mesh.beside.ext_authz.answers import written
from mini_mesh.beside.ext_authz.asked import read
from mesh_patterns.ext_authz.rules import Allow, Deny

async def check(message, context):
    name, asked = read(message)
    return written(Allow() if asked.headers.get("x-let") == "me" else Deny(451))

async def main():
    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
        "envoy.service.auth.v3.Authorization", {"Check": method})])
    server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
    await server.start()
    await server.wait_for_termination()

asyncio.run(main())
"""
RULES = """
  - {when: {paths: /open/*, methods: GET}, allow: true}
  - {when: {headers: {x-role: admin}}, allow: {set: {x-by: rules}, remove: x-role,
     answer: {x-seen: 'yes'}}}
  - {when: {paths: /pay}, deny: {status: 402, body: pay first, headers: {x-price: '1'}}}
  - {when: {ip_blocks: 10.0.0.0/8}, allow: true}
"""
MESH = f"""
mesh:
  dataplane: node
  services:
    web: {{calls: [edge]}}
    ruled:
    called:
    later:
    edge:
    dry:
    byhttp:
    bygrpc:
    teapot: {{run: "exec {sys.executable} %(folder)s/teapot.py"}}
    judge:
      protocol: grpc
      run: "exec {sys.executable} %(folder)s/judge.py"
      env: {{PYTHONPATH: "{ROOT}"}}
patterns:
- pattern: ext_authz
  on: ruled
  timeout: 5s
  unless: [/health, {{exact: /ready}}]
  rules: {RULES}
- {{pattern: jwt, on: called, rules: {{token: optional}}, issuers: {{issuer: shop, test: true}}}}
- {{pattern: ext_authz, on: called, timeout: 5s, call: "functions.py:decide", otherwise: allow}}
- {{pattern: ext_authz, on: later, timeout: 5s, call: functions.py:later, body: {{max_bytes: 16}}}}
- {{pattern: ext_authz, on: web -> edge, timeout: 5s, rules: {{deny: 401}}}}
- {{pattern: ext_authz, on: dry, timeout: 5s, rules: {{deny: 401}}, dry_run: true}}
- {{pattern: ext_authz, on: byhttp, timeout: 5s, service: teapot, prefix: /check, keep: x-checked}}
- {{pattern: ext_authz, on: bygrpc, timeout: 5s, service: judge}}
"""


@dataclass
class Answer:
    status: int
    headers: Any
    body: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("asked")
    for name, text in {"functions": FUNCTIONS, "teapot": HTTP, "judge": GRPC}.items():
        (folder / f"{name}.py").write_text(text)
    async with started(folder, MESH % {"folder": folder}) as live:
        yield live


async def get(
    live: Live, to: str, path: str = "/", body: str = "", method: str = "GET", **headers: str
) -> Answer:
    url = live.url(to) + path
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=fields, data=body or None) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.text())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/open/x", {}, 200),
        ("/opened", {}, 403),
        ("/x", {"x_role": "admin"}, 200),
        ("/pay", {}, 402),
        ("/pay", {"x_role": "admin"}, 200),
        ("/health/x", {}, 200),
        ("/ready", {}, 200),
        ("/ready/x", {}, 403),
    ],
)
async def test_the_first_rule_about_a_request_decides(
    live: Live, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await get(live, "ruled", path, **headers)).status == status


async def test_a_rule_changes_what_goes_on_and_what_comes_back(live: Live) -> None:
    answer = await get(live, "ruled", x_role="admin", x_by="a client")
    assert answer.headers["x-seen"] == "yes"
    assert '["x-by", "rules"]' in answer.body
    assert "x-role" not in answer.body
    denied = await get(live, "ruled", "/pay")
    assert (denied.body, denied.headers["x-price"]) == ("pay first", "1")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {"x_let": "me"}, 200),
        ("/", {}, 402),
        ("/rules", {}, 200),
        ("/broken", {"x_let": "me"}, 403),
    ],
)
async def test_a_function_decides_or_leaves_it_to_the_rules(
    live: Live, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await get(live, "called", path, **headers)).status == status


async def test_a_function_is_told_of_a_tokens_claims(live: Live) -> None:
    text = sign(Token("shop", "ann"), datetime.now(UTC))
    answer = await get(live, "called", authorization=f"Bearer {text}")
    assert answer.status == 200
    assert '["x-who", "ann"]' in answer.body


@pytest.mark.parametrize(
    ("body", "status"), [("open sesame", 200), ("open", 403), ("sesame " * 10, 413)]
)
async def test_a_function_may_wait_and_sees_a_body_of_bounded_size(
    live: Live, body: str, status: int
) -> None:
    assert (await get(live, "later", body=body, method="POST")).status == status


async def test_a_dry_run_asks_and_lets_everything_through(live: Live) -> None:
    assert (await get(live, "dry")).status == 200


async def test_at_a_caller_only_its_requests_are_asked_about(live: Live) -> None:
    assert (await get(live, "edge")).status == 200
    url = str(live.mesh.state()["services"]["web"]["url"])
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        (called,) = (await answer.json())["calls"]
    assert called["status"] == 401


async def test_a_service_is_asked_by_http(live: Live) -> None:
    allowed = await get(live, "byhttp", "/open")
    assert allowed.status == 200
    assert '["x-checked", "/check/open"]' in allowed.body
    assert (await get(live, "byhttp", "/shut")).status == 418


async def test_a_service_is_asked_by_grpc(live: Live) -> None:
    assert (await get(live, "bygrpc", x_let="me")).status == 200
    assert (await get(live, "bygrpc")).status == 451


LOST = """
mesh: {dataplane: node, services: {shut: , told: , open: }}
patterns:
- {pattern: ext_authz, on: shut, rules: {allow: true}}
- {pattern: ext_authz, on: told, rules: {allow: true}, status_on_error: 503}
- {pattern: ext_authz, on: open, rules: {allow: true}, on_failure: allow}
"""


async def test_where_nobody_answers_it_is_as_the_pattern_says(tmp_path: Path) -> None:
    async with started(tmp_path, LOST) as live:
        assert [(await get(live, to)).status for to in ("shut", "told", "open")] == [200] * 3
        await live.mesh.beside.stop(EXT_AUTHZ)
        seen = [(await get(live, to)).status for to in ("shut", "told", "open")]
        assert seen == [403, 503, 200]
        await live.mesh.beside.start(EXT_AUTHZ)
        assert await again(live) == 200


async def again(live: Live, tries: int = 100) -> int:
    """The status once it is a good one: Envoy tries to connect again from time to time."""
    status = (await get(live, "shut")).status
    if status == 200 or not tries:
        return status
    await asyncio.sleep(0.05)
    return await again(live, tries - 1)


CHANGED = """
mesh: {dataplane: node, services: {shop: , other: }}
patterns:
- {pattern: ext_authz, on: shop, timeout: 5s, rules: {allow: {answer: {x-rule: '%s'}}}}
- {pattern: ext_authz, on: other, timeout: 5s, rules: {deny: true}}
"""


async def test_rules_change_under_load_and_nobody_is_refused(tmp_path: Path) -> None:
    async with started(tmp_path, CHANGED % "one") as live, traffic(live, "shop") as flow:
        for name in ("two", "three"):
            await live.change(CHANGED % name)
            await flow.more(50)
            assert (await get(live, "shop")).headers["x-rule"] == name
    assert flow.failed == []


async def test_a_function_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    asked = "- {pattern: ext_authz, on: shop, call: 'mine.py:go'}"
    text = f"mesh: {{services: {{shop: }}}}\npatterns:\n{asked}"
    with pytest.raises(DocumentError, match="has no function 'go'"):
        async with started(tmp_path, text):
            pass
