"""The door to protobuf for Hamlet's messages, in a descriptor pool of their own.

Generated files would put their names where those of others are, of whatever version.
https://github.com/vmware/hamlet/tree/master/api
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from mini_mesh.federation.catalogue import (
    Endpoint,
    FederatedService,
    ServiceInstance,
    Unacceptable,
    check,
)
from wasm_filters.messages import describe

DISCOVERY = "federation.resourcediscovery.v1alpha2"
TYPES = "federation.types.v1alpha2"
SERVICE = f"{DISCOVERY}.DiscoveryService"
METHOD = "EstablishStream"
RESOURCE_URL = f"type.googleapis.com/{TYPES}.FederatedService"
UPSERT, DELETE = 1, 2
MAX_MESSAGE = 512 * 1024  # bytes on the wire

# The field numbers are those of the .proto files; an enum is an integer on the wire.
_MESSAGES: Mapping[str, str] = {
    "google.rpc.Status": "int32 code = 1, string message = 2,"
    " repeated google.protobuf.Any details = 3",
    f"{TYPES}.Endpoint": "string address = 1, uint32 port = 2, repeated string labels = 3,"
    " string description = 4",
    f"{TYPES}.Instance": "string id = 1, string protocol = 2, map string metadata = 3,"
    " repeated string endpoint_selector = 4, string description = 5",
    f"{TYPES}.FederatedService": "string name = 1, string description = 2,"
    " repeated string tags = 3, map string labels = 4, string fqdn = 5,"
    f" repeated {TYPES}.Endpoint endpoints = 9, repeated string sans = 10,"
    f" repeated {TYPES}.Instance instances = 11",
    f"{DISCOVERY}.StreamRequest": "string resource_url = 1, string response_nonce = 2,"
    " google.rpc.Status status = 3, string context = 4",
    f"{DISCOVERY}.StreamResponse": "string nonce = 1, string resource_url = 2,"
    " string resource_id = 3, google.protobuf.Any resource = 4, int32 operation = 5,"
    " string context = 6",
    f"{DISCOVERY}.BidirectionalStream": f"{DISCOVERY}.StreamRequest request = 1,"
    f" {DISCOVERY}.StreamResponse response = 2",
}


class NoMessage(ValueError):
    """Bytes that are none of Hamlet's messages."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a consumer says: the first time without ``nonce``; then that it took what had that
    nonce (``code`` 0), or why not."""

    resource_url: str = RESOURCE_URL
    nonce: str = ""
    code: int = 0
    message: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What an owner says of one service; ``resource`` are the bytes of a FederatedService."""

    nonce: str
    resource_id: str
    operation: int
    resource: bytes = b""
    resource_url: str = RESOURCE_URL
    context: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One on the stream, from either side; it may have both."""

    request: Request | None = None
    response: Response | None = None


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    made = descriptor_pool.DescriptorPool()
    made.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    dependencies = [any_pb2.DESCRIPTOR.name]
    for package in ("google.rpc", TYPES, DISCOVERY):
        file = descriptor_pb2.FileDescriptorProto(
            name=f"{package}.proto", package=package, syntax="proto3", dependency=dependencies
        )
        for name, fields in _MESSAGES.items():
            if name.rpartition(".")[0] == package:
                describe(file.message_type.add(name=name.rpartition(".")[2]), name, fields)
        made.AddSerializedFile(file.SerializeToString())
        dependencies.append(file.name)
    return made


@functools.cache
def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


def encode(message: Message) -> bytes:
    made = _class(f"{DISCOVERY}.BidirectionalStream")()
    if (request := message.request) is not None:
        made.request.resource_url, made.request.context = request.resource_url, request.context
        if request.nonce:
            made.request.response_nonce = request.nonce
            made.request.status.SetInParent()
            made.request.status.code = request.code
            made.request.status.message = request.message
    if (response := message.response) is not None:
        told = made.response
        told.nonce, told.resource_id = response.nonce, response.resource_id
        told.resource_url, told.context = response.resource_url, response.context
        told.operation = response.operation
        told.resource.type_url, told.resource.value = response.resource_url, response.resource
    data: bytes = made.SerializeToString()
    return data


def decode(data: bytes) -> Message:
    """Raises ``NoMessage``."""
    if len(data) > MAX_MESSAGE:
        raise NoMessage(f"{len(data)} bytes, wanted at most {MAX_MESSAGE}")
    made = _parsed(f"{DISCOVERY}.BidirectionalStream", data)
    request = response = None
    if made.HasField("request"):
        it = made.request
        status = it.status
        request = Request(
            it.resource_url, it.response_nonce, status.code, status.message, it.context
        )
    if made.HasField("response"):
        it = made.response
        url = it.resource_url or it.resource.type_url
        response = Response(
            it.nonce, it.resource_id, it.operation, it.resource.value, url, it.context
        )
    return Message(request, response)


def encode_service(service: FederatedService) -> bytes:
    """The same service is the same bytes."""
    made = _class(f"{TYPES}.FederatedService")(
        name=service.name,
        description=service.description,
        tags=service.tags,
        labels=dict(service.labels),
        fqdn=service.fqdn,
        sans=service.sans,
    )
    for endpoint in service.endpoints:
        made.endpoints.add(address=endpoint.address, port=endpoint.port, labels=endpoint.labels)
    for each in service.instances:
        made.instances.add(
            id=each.id,
            protocol=each.protocol,
            metadata=dict(each.metadata),
            endpoint_selector=each.endpoint_selector,
        )
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def decode_service(data: bytes) -> FederatedService:
    """Raises ``Unacceptable`` for what is no service, or none that can be taken."""
    try:
        made = _parsed(f"{TYPES}.FederatedService", data)
    except NoMessage as error:
        raise Unacceptable(str(error)) from error
    service = FederatedService(
        made.name,
        made.fqdn,
        tuple(Endpoint(it.address, it.port, tuple(it.labels)) for it in made.endpoints),
        tuple(_instance(it) for it in made.instances),
        tuple(made.sans),
        made.description,
        tuple(made.tags),
        tuple(sorted(made.labels.items())),
    )
    return check(service)


def _instance(told: Any) -> ServiceInstance:
    metadata = tuple(sorted(told.metadata.items()))
    return ServiceInstance(told.id, told.protocol, metadata, tuple(told.endpoint_selector))


def _parsed(name: str, data: bytes) -> Any:
    try:
        return _class(name).FromString(data)
    except DecodeError as error:
        raise NoMessage(f"{len(data)} bytes are no {name.rpartition('.')[2]}") from error
