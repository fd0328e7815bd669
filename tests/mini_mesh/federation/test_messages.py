"""Messages are the bytes of Hamlet's .proto files."""

from __future__ import annotations

import contextlib

import pytest
from google.protobuf import descriptor_pool
from hypothesis import given
from hypothesis.strategies import binary

from mini_mesh.federation.catalogue import Unacceptable
from mini_mesh.federation.messages import (
    MAX_MESSAGE,
    RESOURCE_URL,
    TYPES,
    UPSERT,
    Message,
    NoMessage,
    Request,
    Response,
    decode,
    decode_service,
    encode,
    encode_service,
)
from tests.mini_mesh.federation.given import API, service


def field(number: int, value: bytes | int) -> bytes:
    """A field on the wire: varints below 128, or up to 127 bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def test_a_service_is_the_bytes_of_its_proto() -> None:
    """federated_service_v1alpha2.proto: name 1, fqdn 5, endpoints 9, instances 11."""
    endpoint = field(1, b"127.0.0.1") + b"\x10\x90\x3f" + field(3, b"gateway")  # 8080
    hostname = field(1, b"HOSTNAME") + field(2, b"api")
    instance = field(1, b"api-v1") + field(2, b"HTTP") + field(3, hostname) + field(4, b"gateway")
    wire = field(1, b"api") + field(5, b"api.shop.mesh") + field(9, endpoint) + field(11, instance)
    assert encode_service(API) == wire
    assert decode_service(wire) == API


def test_a_refusal_is_the_bytes_of_its_proto() -> None:
    """resource_discovery_v1alpha2.proto: request 1; url 1, nonce 2, status 3, context 4."""
    status = field(1, 3) + field(2, b"no")
    request = field(1, RESOURCE_URL.encode()) + field(2, b"n") + field(3, status) + field(4, b"c")
    message = Message(request=Request(nonce="n", code=3, message="no", context="c"))
    assert encode(message) == field(1, request)
    assert decode(field(1, request)) == message


def test_an_acceptance_has_a_status_that_is_ok() -> None:
    """The status is there, and empty: OK is 0."""
    assert field(3, b"") in encode(Message(request=Request(nonce="n")))


def test_a_response_is_read_as_it_was_written() -> None:
    response = Response("n", "api", UPSERT, encode_service(API), context="c")
    assert decode(encode(Message(response=response))) == Message(response=response)


def test_a_message_may_be_both() -> None:
    both = Message(Request(), Response("n", "a", UPSERT))
    assert decode(encode(both)) == both


def test_no_name_is_left_in_the_pool_of_all() -> None:
    encode(Message())
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName(f"{TYPES}.FederatedService")


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"x" * (MAX_MESSAGE + 1)])
def test_other_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises(NoMessage):
        decode(data)


@given(binary())
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    with contextlib.suppress(NoMessage):
        decode(data)
    with contextlib.suppress(Unacceptable):
        decode_service(data)


def test_labels_in_any_order_are_the_same_bytes() -> None:
    one = service(labels=(("a", "1"), ("b", "2")))
    other = service(labels=(("b", "2"), ("a", "1")))
    assert encode_service(one) == encode_service(other)
