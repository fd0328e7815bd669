"""The door of the health discovery service (HDS): has Envoys check, and hears what they find.

``HealthDiscoveryService`` of ``envoy/service/health/v3/hds.proto``::

    checks = HealthChecks()
    checks.delegate(ClusterCheck.of(endpoints, check))
    await server.start(handlers=[Hds(checks).handler()])

Who checks what is decided in ``health_checks.py``. A stream has two tasks: one reads reports, one
writes what is to be checked, each time that it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import grpc

from xds_server import mirror, protos
from xds_server.clients.addresses import text_of
from xds_server.clients.endpoint_health import HTTP, REDIS, TCP, Health
from xds_server.clients.health_checks import Checker, HealthChecks
from xds_server.errors import RemoteXdsError, WireError
from xds_server.serving import wire

SERVICE = "envoy.service.health.v3.HealthDiscoveryService"

_PROTOCOLS = (HTTP, TCP, REDIS)  # by their numbers in hds.proto


class Hds:
    """The service; what it hears is recorded in ``checks``."""

    def __init__(self, checks: HealthChecks) -> None:
        self._checks = checks

    def handler(self) -> Any:
        """What serves it: one of the ``handlers`` of ``XdsServer.start``."""
        methods = {
            "StreamHealthCheck": grpc.stream_stream_rpc_method_handler(self._stream),
            "FetchHealthCheck": grpc.unary_unary_rpc_method_handler(self._fetch),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _fetch(self, data: bytes, context: Any) -> bytes:
        """What the node would have to check; what it finds, it has to tell on a stream."""
        try:
            checker = self._opened(data, lambda: None)
        except RemoteXdsError as error:
            await context.abort(grpc.StatusCode[error.status], str(error))
            raise
        try:
            return specifier(self._checks, checker)
        finally:
            self._checks.closed(checker)

    async def _stream(self, requests: AsyncIterator[bytes], context: Any) -> None:
        first = await anext(aiter(requests), None)
        if first is None:
            return
        wake = asyncio.Event()
        try:
            checker = self._opened(first, wake.set)
            try:
                await _Stream(self._checks, checker, wake).run(requests, context)
            finally:
                self._checks.closed(checker)
        except RemoteXdsError as error:
            await context.abort(grpc.StatusCode[error.status], str(error))

    def _opened(self, data: bytes, changed: Callable[[], None]) -> Checker:
        request = parse(data).health_check_request
        node = wire.node_of(request)
        if node is None or not node.id:
            raise WireError("a health check request names no node")
        known = [n for n in request.capability.health_check_protocols if n < len(_PROTOCOLS)]
        return self._checks.opened(node, (_PROTOCOLS[n] for n in known), changed)


class _Stream:
    """One checker's stream; ``wake`` is set when it has to check something else."""

    def __init__(self, checks: HealthChecks, checker: Checker, wake: asyncio.Event) -> None:
        self._checks, self._checker, self._wake = checks, checker, wake
        self._ended = False
        self._refused: RemoteXdsError | None = None

    async def run(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Until the checker goes away; raises what it is refused for."""
        self._wake.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(context))
            group.create_task(self._read(requests))
        if self._refused:
            raise self._refused

    async def _write(self, context: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._ended:
                return
            await context.write(specifier(self._checks, self._checker))

    async def _read(self, requests: AsyncIterator[bytes]) -> None:
        try:
            async for data in requests:
                self._record(data)
        except RemoteXdsError as refused:
            self._refused = refused
        self._ended = True
        self._wake.set()

    def _record(self, data: bytes) -> None:
        for cluster in parse(data).endpoint_health_response.cluster_endpoints_health:
            found = {
                text_of(each.endpoint.address): _health(each.health_status)
                for place in cluster.locality_endpoints_health
                for each in place.endpoints_health
            }
            self._checks.record(self._checker, cluster.cluster_name, found)


def parse(data: bytes) -> Any:
    """A ``HealthCheckRequestOrEndpointHealthResponse``. Raises ``WireError`` for other bytes."""
    return mirror.parse(protos.health.HealthCheckRequestOrEndpointHealthResponse, data)


def _health(number: int) -> Health:
    """A status that later Envoys may have is not known here."""
    return Health(number) if number < len(Health) else Health.UNKNOWN


def specifier(checks: HealthChecks, checker: Checker) -> bytes:
    """The ``HealthCheckSpecifier``: what a checker has to check, and how often to say so."""
    message: Any = mirror.mirror_class(protos.health.HealthCheckSpecifier)()
    message.interval.FromTimedelta(timedelta(seconds=checks.interval))
    for each in checks.wanted(checker):
        message.cluster_health_checks.add().MergeFromString(each.body)
    return message.SerializeToString(deterministic=True)  # type: ignore[no-any-return] # protobuf is untyped
