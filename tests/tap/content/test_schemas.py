"""Several schemas as one."""

from __future__ import annotations

from google.protobuf import descriptor_pb2

from tap.content.descriptors import Descriptors
from tap.content.schemas import Schemas
from tests.tap.content.given import message, schema


def another() -> Descriptors:
    """A service that takes and gives nothing."""
    empty = "google.protobuf.Empty"
    file = descriptor_pb2.FileDescriptorProto(name="b.proto", package="b", syntax="proto3")
    file.dependency.append("google/protobuf/empty.proto")
    method = file.service.add(name="B").method.add(name="Nothing")
    method.input_type = method.output_type = f".{empty}"
    return Descriptors([file.SerializeToString()], "b")


def test_each_method_is_decoded_by_who_knows_it() -> None:
    both = Schemas(another(), schema())
    hello = message("HelloReply", text="hi")
    assert both.decode("example.Greeter/Hello", "response", hello) == ({"text": "hi"}, ())
    assert both.decode("b.B/Nothing", "request", b"") == ({}, ())
    assert both.decode("c.C/D", "request", b"") is None
