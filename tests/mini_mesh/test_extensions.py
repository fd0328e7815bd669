"""Filters of one's own in a running mesh: swapped under load, and asked across processes."""

from __future__ import annotations

import sys
from pathlib import Path

import aiohttp
import pytest

from tests.mini_mesh.live import Live, started, traffic

SCRIPT = """
mesh: {services: {web: {calls: [shop]}, shop: }}
patterns:
- pattern: lua
  on: shop
  deliver: ecds
  code: function envoy_on_response(handle) handle:headers():add("x-lua", "%s") end
"""


async def stat(live: Live, node: str, name: str) -> int:
    url = f"http://{live.mesh.admins[node]}/stats?format=json&filter=^{name}$"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found = (await response.json())["stats"]
    return int(found[0]["value"]) if found else 0


async def header(live: Live, service: str, name: str) -> str | None:
    async with aiohttp.ClientSession() as session, session.get(live.url(service)) as response:
        return response.headers.get(name)


async def test_a_filter_is_swapped_under_load_and_no_listener_drains(tmp_path: Path) -> None:
    async with started(tmp_path, SCRIPT % "one") as live, traffic(live, "shop") as flow:
        assert await header(live, "shop", "x-lua") == "one"
        modified = await stat(live, "shop", "listener_manager.listener_modified")
        for name in ("two", "three", "four"):
            await live.change(SCRIPT % name)
            await flow.more(50)
            assert await header(live, "shop", "x-lua") == name
        assert await stat(live, "shop", "listener_manager.listener_modified") == modified
    assert flow.failed == []


PROCESSOR = """
import asyncio, os, sys
import grpc
from xds_server import protos
from xds_server.protos import core, ext_proc_service as service

def headers(name, value):
    option = core.HeaderValueOption(header=core.HeaderValue(key=name, raw_value=value.encode()))
    common = service.CommonResponse(header_mutation=service.HeaderMutation(set_headers=[option]))
    return service.HeadersResponse(response=common)

async def process(requests, context):
    async for request in requests:
        if request.request_headers is not None:
            yield service.ProcessingResponse(request_headers=headers("x-processed", "request"))
        else:
            yield service.ProcessingResponse(response_headers=headers("x-processed", "response"))

async def main():
    server = grpc.aio.server()
    method = grpc.stream_stream_rpc_method_handler(
        process, service.ProcessingRequest.parse, lambda message: bytes(message))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
        "envoy.service.ext_proc.v3.ExternalProcessor", {"Process": method})])
    server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
    await server.start()
    await server.wait_for_termination()

asyncio.run(main())
"""
PROCESSED = """
mesh:
  services:
    shop:
    proc: {protocol: grpc, run: "exec %s %s", env: {PYTHONPATH: "%s"}}
patterns:
- {pattern: ext_proc, on: shop, service: proc, timeout: 5s%s}
"""
ROOT = Path(__file__).parent.parent.parent


async def test_a_processor_of_ones_own_changes_requests_and_answers(tmp_path: Path) -> None:
    script = tmp_path / "processor.py"
    script.write_text(PROCESSOR)
    text = PROCESSED % (sys.executable, script, ROOT, "")
    async with started(tmp_path, text) as live:
        status, answer = await live.ask("shop")
        assert status == 200
        assert ["x-processed", "request"] in answer["headers"]
        assert await header(live, "shop", "x-processed") == "response"


@pytest.mark.parametrize(("allowed", "status"), [("", 500), (", on_failure: allow", 200)])
async def test_without_its_processor_a_request_goes_on_if_that_is_allowed(
    tmp_path: Path, allowed: str, status: int
) -> None:
    script = tmp_path / "other.py"
    script.write_text(PROCESSOR.replace("ExternalProcessor", "SomebodyElse"))
    text = PROCESSED % (sys.executable, script, ROOT, allowed)
    async with started(tmp_path, text) as live:
        assert (await live.ask("shop"))[0] == status
