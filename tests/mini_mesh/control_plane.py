"""A control plane with nothing to say: every subscription gets an empty, valid answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import grpc
import grpc.aio

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
TYPE_URL = 4  # the field of DiscoveryRequest and DiscoveryResponse; 2 in DeltaDiscoveryRequest


class EmptyControlPlane:
    """ADS in both protocols on a loopback port; ``streams`` counts, ``opened`` tells of each."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams = 0
        self.opened = asyncio.Event()
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])

    async def __aenter__(self) -> EmptyControlPlane:
        methods = {
            "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
            "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._sotw),
        }
        handler = grpc.method_handlers_generic_handler(SERVICE, methods)
        self._server.add_generic_rpc_handlers([handler])
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.stop(0)

    async def _delta(self, requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        async for answer in self._answers(requests, asked=2, version=1, nonce=5):
            yield answer

    async def _sotw(self, requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        async for answer in self._answers(requests, asked=4, version=1, nonce=5):
            yield answer

    async def _answers(
        self, requests: AsyncIterator[bytes], asked: int, version: int, nonce: int
    ) -> AsyncIterator[bytes]:
        self.streams += 1
        self.opened.set()
        answered = set()
        async for request in requests:
            url = _strings(request)[asked]
            if url not in answered:  # later requests of a type acknowledge
                answered.add(url)
                yield _field(version, b"1") + _field(TYPE_URL, url) + _field(nonce, b"1")


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def _strings(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a message, which is all that a discovery request has."""
    fields, at = {}, 0
    while at < len(message):
        number, (length, at) = message[at] >> 3, _varint(message, at + 1)
        fields[number] = message[at : at + length]
        at += length
    return fields


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            return value, at
