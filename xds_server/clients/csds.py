"""The door of the client status service (CSDS): who is connected, and where each stands.

``ClientStatusDiscoveryService`` of ``envoy/service/status/v3/csds.proto``, for all clients of a
server, on its own port::

    csds = Csds(server)
    await server.start(handlers=[csds.handler()])

What is told is decided in ``client_status.py``. An answer is put together in small steps, so that
no push has to wait for it, and is bounded: what is larger is refused and the way out is named.
Private keys and passwords stay here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from xds_server import mirror, protos
from xds_server.clients.client_status import ResourceStatus, clients_of, count, statuses
from xds_server.clients.matchers import Judge, any_of_them
from xds_server.clients.view import ClientView
from xds_server.errors import RemoteXdsError
from xds_server.node import NodeInfo

SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService"
MAX_RESOURCES = 100_000  # in one answer: half a second of work
MAX_BYTES = 32 * 2**20  # of one answer
MAX_AT_ONCE = 4  # answers that are put together; other questions wait
_STEP = 50  # resources that are put together before others have their turn: some 2 ms

_ASK_LESS = "ask for single nodes by node_matchers"


class Clients(Protocol):
    """Who knows the clients: an ``XdsServer``."""

    def clients(self, wanted: Callable[[NodeInfo], bool]) -> Iterable[ClientView]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """Which nodes are meant, and whether their resources' content is wanted."""

    wanted: Judge
    contents: bool

    @classmethod
    def parse(cls, data: bytes) -> Question:
        """A ``ClientStatusRequest``; without matchers it is about all clients.

        Raises ``RemoteXdsError`` for what is none, or asks for what can not be answered.
        """
        request = mirror.parse(protos.status.ClientStatusRequest, data)
        wanted = any_of_them(request.node_matchers)
        return cls(wanted, not request.exclude_resource_contents)


class Csds:
    """The service, for the clients of ``server``."""

    def __init__(self, server: Clients) -> None:
        self._server = server
        self._free = asyncio.Semaphore(MAX_AT_ONCE)

    def handler(self) -> Any:
        """What serves it: one of the ``handlers`` of ``XdsServer.start``."""
        methods = {
            "StreamClientStatus": grpc.stream_stream_rpc_method_handler(self._stream),
            "FetchClientStatus": grpc.unary_unary_rpc_method_handler(self._fetch),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _stream(self, requests: AsyncIterator[bytes], context: Any) -> None:
        async for data in requests:
            await context.write(await self._fetch(data, context))

    async def _fetch(self, data: bytes, context: Any) -> bytes:
        try:
            question = Question.parse(data)
            async with self._free:
                return await _in_turns(answer(question, self._server.clients(question.wanted)))
        except RemoteXdsError as error:
            await context.abort(grpc.StatusCode[error.status], str(error))
            raise


async def _in_turns(steps: Generator[None, None, bytes]) -> bytes:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return bytes(done.value)
        await asyncio.sleep(0)


def answer(question: Question, streams: Iterable[ClientView]) -> Generator[None, None, bytes]:
    """The ``ClientStatusResponse``, in small steps.

    Raises ``RemoteXdsError`` (RESOURCE_EXHAUSTED) for one that would be too large.
    """
    clients = clients_of(streams)
    yield from _counted(clients)
    response: Any = mirror.mirror_class(protos.status.ClientStatusResponse)()
    told = size = 0
    for client in clients:
        config = response.config.add()
        _fill_node(config.node, client[-1].node)
        for status in (status for stream in client for status in statuses(stream)):
            size += _fill(config.generic_xds_configs.add(), status, question.contents)
            told += 1
            if size > MAX_BYTES:
                found = f"the first {told} resources have {size} bytes"
                raise _too_large(found, f"{MAX_BYTES} bytes, or without their contents")
            if told % _STEP == 0:
                yield
    return response.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped


def _counted(clients: Sequence[Sequence[ClientView]]) -> Iterator[None]:
    """Raises ``RemoteXdsError`` where there is too much to be told, before anything is."""
    total = 0
    for at, client in enumerate(clients, 1):
        total += sum(map(count, client))
        if total > MAX_RESOURCES:
            found = f"of {len(clients)} clients, the first {at} have {total} resources"
            raise _too_large(found, str(MAX_RESOURCES))
        yield


def _too_large(found: str, limit: str) -> RemoteXdsError:
    return RemoteXdsError(f"{found}, wanted at most {limit}: {_ASK_LESS}", "RESOURCE_EXHAUSTED")


def _fill_node(message: Any, node: NodeInfo) -> None:
    message.id, message.cluster = node.id, node.cluster
    message.user_agent_name = node.user_agent_name
    if node.region or node.zone or node.sub_zone:
        message.locality.region, message.locality.zone = node.region, node.zone
        message.locality.sub_zone = node.sub_zone
    message.client_features.extend(node.client_features)


def _fill(message: Any, status: ResourceStatus, contents: bool) -> int:
    """Writes one ``GenericXdsConfig``; returns about how many bytes it has."""
    message.type_url, message.name = status.type.type_url, status.name
    message.version_info = status.version
    message.config_status, message.client_status = status.config_status, status.client_status
    _fill_time(message.last_updated, status.at)
    if status.error:
        message.error_state.details = status.error
        message.error_state.version_info = status.version
        _fill_time(message.error_state.last_update_attempt, status.refused_at)
    if contents and status.resource is not None:
        message.xds_config.type_url = status.type.type_url
        message.xds_config.value = mirror.redacted(status.type.type_url, status.resource.body)
        if status.error:
            message.error_state.failed_configuration.CopyFrom(message.xds_config)
    return message.ByteSize()  # type: ignore[no-any-return] # protobuf is untyped


def _fill_time(message: Any, seconds: float | None) -> None:
    if seconds is not None:
        message.FromMicroseconds(round(seconds * 1e6))
