"""People's own messages by their names: protoc's descriptors, protobuf's messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, json_format

from tap.content.descriptors import DescriptorError, Descriptors
from tap.content.nouns import Undecodable
from tests.tap.content.given import GREETER, made, schema

HELLO = "example.Greeter/Hello"


def files() -> dict[str, bytes]:
    found = descriptor_pb2.FileDescriptorSet.FromString(GREETER.read_bytes()).file
    return {file.name: file.SerializeToString() for file in found}


def test_every_kind_of_field_is_shown_as_proto_json_has_it() -> None:
    request = made("HelloRequest")(
        name={"first": "Ada"},
        numbers=[1, 2**40],
        counts={"a": 1},
        mood=1,
        token=b"\x00\xff",
        weight=1.5,
        again={"mood": 7},
    )
    request.at.FromJsonString("2026-01-02T03:04:05Z")
    request.more.Pack(made("HelloReply")(text="in an Any"))
    found = schema().decode(HELLO, "request", request.SerializeToString())
    assert found is not None
    assert found[0] == {
        "name": {"first": "Ada"},
        "numbers": ["1", "1099511627776"],
        "counts": {"a": 1},
        "mood": "GLAD",
        "token": "AP8=",
        "at": "2026-01-02T03:04:05Z",
        "more": {"@type": "type.googleapis.com/example.HelloReply", "text": "in an Any"},
        "weight": 1.5,
        "again": {"mood": 7},
    }
    assert found[1] == ()


def test_the_services_are_listed_and_an_unknown_method_is_none() -> None:
    assert schema().services == ("example.Greeter",)
    for method in ("example.Greeter/Bye", "example.Nobody/Hello", "", "/", "a/b/c"):
        assert schema().decode(method, "request", b"") is None


def test_fields_of_a_newer_version_are_noted() -> None:
    found = schema().decode(HELLO, "response", b"\x0a\x02hi\x18\x01\x20\x02")
    assert found == ({"text": "hi"}, ("fields that example.HelloReply does not have: 3, 4",))


def test_an_any_of_an_unknown_type_does_not_hide_the_other_fields() -> None:
    request = made("HelloRequest")(mood=1)
    request.again.more.type_url, request.again.more.value = "type.googleapis.com/no.Such", b"\1\2"
    found = schema().decode(HELLO, "request", request.SerializeToString())
    assert found is not None
    assert found[0]["mood"] == "GLAD"
    assert found[0]["again"]["more"]["value"] == {
        "type_url": "type.googleapis.com/no.Such",
        "hex": "0102",
    }


def within_anys(depth: int) -> bytes:
    """A request in an Any in a request in an Any…"""
    request = made("HelloRequest")(mood=1)
    for _ in range(depth):
        outer = made("HelloRequest")()
        outer.more.type_url = "type.googleapis.com/example.HelloRequest"
        outer.more.value = request.SerializeToString()
        request = outer
    return request.SerializeToString()  # type: ignore[no-any-return]


def test_an_any_in_an_any_is_opened_and_too_many_are_a_reason() -> None:
    found = schema().decode(HELLO, "request", within_anys(2))
    assert found is not None
    assert found[0]["more"]["more"]["mood"] == "GLAD"
    with pytest.raises(Undecodable, match=r"no example\.HelloRequest: "):
        schema().decode(HELLO, "request", within_anys(2_000))


def test_a_time_that_is_none_is_a_reason() -> None:
    request = made("HelloRequest")()
    request.at.seconds = 2**60
    with pytest.raises(Undecodable, match=r"no example\.HelloRequest: "):
        schema().decode(HELLO, "request", request.SerializeToString())


def test_files_may_come_in_any_order() -> None:
    assert Descriptors(reversed(files().values()), "x").services == ("example.Greeter",)


def test_a_set_without_its_imports_says_what_is_missing() -> None:
    with pytest.raises(DescriptorError) as caught:
        Descriptors([files()["greeter.proto"]], "a.binpb")
    assert str(caught.value) == (
        "a.binpb: greeter.proto imports names.proto, which is not there"
        " (protoc adds it with --include_imports)"
    )


def test_protobufs_own_files_need_not_be_in_the_set() -> None:
    own = [data for name, data in files().items() if not name.startswith("google/")]
    assert Descriptors(own, "x").services == ("example.Greeter",)


@pytest.mark.parametrize("data", [b"", b"syntax = 'proto3';", b"\x0a\x00", b"\xff" * 50])
def test_what_is_no_descriptor_set_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.binpb"
    file.write_bytes(data)
    with pytest.raises(DescriptorError, match="expected a FileDescriptorSet"):
        Descriptors.of_file(file)


def test_a_file_that_contradicts_itself_is_refused() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="a.proto", syntax="proto3")
    method = file.service.add(name="S").method.add(name="M", input_type=".No", output_type=".No")
    assert method.name == "M"
    with pytest.raises(DescriptorError, match=r"^x: a\.proto: "):
        Descriptors([file.SerializeToString()], "x")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError, match=r"a\.binpb: No such file"):
        Descriptors.of_file(tmp_path / "a.binpb")


def test_what_is_shown_can_be_read_back_by_protobuf() -> None:
    request = made("HelloRequest")(name={"last": "L"}, numbers=[3], counts={"z": 2})
    found = schema().decode(HELLO, "request", request.SerializeToString())
    assert found is not None
    assert json_format.ParseDict(found[0], made("HelloRequest")()) == request
