"""JSON over HTTP to a real gRPC server behind a real Envoy."""

from __future__ import annotations

import sys
from pathlib import Path

import aiohttp
from google.protobuf import descriptor_pb2

from tests.mini_mesh.live import started

FIELD = descriptor_pb2.FieldDescriptorProto


def shop() -> descriptor_pb2.FileDescriptorSet:
    """``shop.Prices/Ask``: what ``protoc`` would make of a file of a few lines."""
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    asked = file.message_type.add(name="Asked")
    asked.field.add(name="article", number=1, type=FIELD.TYPE_STRING, label=1, json_name="article")
    price = file.message_type.add(name="Price")
    price.field.add(name="article", number=1, type=FIELD.TYPE_STRING, label=1, json_name="article")
    price.field.add(name="cents", number=2, type=FIELD.TYPE_INT32, label=1, json_name="cents")
    method = file.service.add(name="Prices").method.add(name="Ask")
    method.input_type, method.output_type = ".shop.Asked", ".shop.Price"
    return descriptor_pb2.FileDescriptorSet(file=[file])


SERVER = """
import asyncio, os, sys
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(open(sys.argv[1], "rb").read()).file:
    pool.Add(file)
made = {n: message_factory.GetMessageClass(pool.FindMessageTypeByName("shop." + n))
        for n in ("Asked", "Price")}

async def ask(asked, context):
    if asked.article == "gone":
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such article")
    return made["Price"](article=asked.article, cents=len(asked.article))

async def main():
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        ask, made["Asked"].FromString, made["Price"].SerializeToString)
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler("shop.Prices", {"Ask": handler})])
    server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
    await server.start()
    await server.wait_for_termination()

asyncio.run(main())
"""
MESH = """
mesh: {{services: {{shop: {{protocol: grpc, run: "exec {0} {1} {2}"}}}}}}
patterns:
- {{pattern: transcoding, on: shop, descriptors: {2}, whole: true}}
"""


async def test_a_client_that_speaks_json_calls_a_grpc_method(tmp_path: Path) -> None:
    script, descriptors = tmp_path / "server.py", tmp_path / "shop.pb"
    script.write_text(SERVER)
    descriptors.write_bytes(shop().SerializeToString())
    text = MESH.format(sys.executable, script, descriptors)
    async with started(tmp_path, text) as live, aiohttp.ClientSession() as session:
        url = f"{live.url('shop')}/shop.Prices/Ask"
        async with session.post(url, json={"article": "tea"}) as response:
            assert response.status == 200
            assert response.headers["content-type"] == "application/json"
            assert await response.json() == {"article": "tea", "cents": 3}
        async with session.post(url, json={"article": "gone"}) as response:
            assert response.status == 404
            assert (await response.json())["message"] == "no such article"
        async with session.post(url, data=b"{", headers={"content-type": "application/json"}) as r:
            assert r.status == 400
