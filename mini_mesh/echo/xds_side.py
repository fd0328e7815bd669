"""The echo without an Envoy: one instance whose gRPC server and client speak xDS themselves.

A door, to gRPC's threaded server: the one of grpc.aio knows no xDS. The bootstrap is one for a
process, so there is one process for each such instance (``python -m mini_mesh.echo.xds_side``). It
counts what arrives, and tells everybody who connects to its socket: no Envoy does that for it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from mini_mesh.echo.answer import (
    CALL_TIME,
    MAX_BODY,
    SHUTDOWN_TIME,
    Caller,
    Outcome,
    Received,
    calls_of,
    response_headers,
)
from mini_mesh.echo.config import Instance, decode
from mini_mesh.echo.grpc_side import CallsFailed, GrpcClient, say
from mini_mesh.ports import LOOPBACK

WORKERS = 64  # requests that are answered at a time; others wait


class XdsListener(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio is untyped
    """One instance on its port, which opens when the control plane has sent its listener.

    ``arrived`` counts the requests that got through it.
    """

    def __init__(self, instance: Instance, call: Caller) -> None:
        self.instance = instance
        self.arrived = 0
        self._call = call
        self._loop = asyncio.get_running_loop()
        limits = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_BODY))
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS), handlers=[self], options=limits, xds=True
        )

    def start(self) -> None:
        """Ask for the listener. Its port, which grpcio says is -1, is told by nobody."""
        plain = grpc.insecure_server_credentials()
        credentials = grpc.xds_server_credentials(plain)  # TLS where the control plane says so
        self._server.add_secure_port(f"{LOOPBACK}:{self.instance.port}", credentials)
        self._server.start()

    async def stop(self) -> None:
        stopped = self._server.stop(SHUTDOWN_TIME)
        await asyncio.to_thread(stopped.wait)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Whichever method it is: the echo, said on the loop and waited for in a thread."""

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            context.send_initial_metadata(tuple(response_headers(self.instance).items()))
            saying = self._say(details.method, request, context)
            try:
                return asyncio.run_coroutine_threadsafe(saying, self._loop).result(CALL_TIME)
            except CallsFailed as failed:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(failed))
                raise  # which abort has done, in its own way

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _say(self, method: str, request: bytes, context: Any) -> bytes:
        self.arrived += 1
        metadata = context.invocation_metadata()
        return await say(self.instance, self._call, method, request, metadata)


async def main(instance: Instance, count: Path) -> None:
    """Until SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    client = GrpcClient()

    async def call(instance: Instance, got: Received) -> list[Outcome]:
        calls, handed_on = calls_of(instance, got)
        return await asyncio.gather(*(client.call(each, handed_on) for each in calls))

    listener = XdsListener(instance, call)

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{listener.arrived}\n".encode())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(tell, count):
        listener.start()
        for each in instance.calls:
            client.connect(each)
        await ended.wait()
    await listener.stop()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(decode(sys.argv[1].encode())[0], Path(sys.argv[2])))
