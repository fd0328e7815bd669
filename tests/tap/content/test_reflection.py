"""Reflection, step by step: what is asked next, and what is refused."""

from __future__ import annotations

import pytest
from grpc_reflection.v1alpha import reflection_pb2

from tap.content.reflection import MAX_SERVICES, Reflection, ReflectionError
from tests.tap.content.test_descriptors import files

REQUEST, RESPONSE = reflection_pb2.ServerReflectionRequest, reflection_pb2.ServerReflectionResponse


def services(*names: str) -> bytes:
    answer = RESPONSE()
    for name in names:
        answer.list_services_response.service.add(name=name)
    return answer.SerializeToString()  # type: ignore[no-any-return]


def described(*names: str) -> bytes:
    answer = RESPONSE()
    answer.file_descriptor_response.file_descriptor_proto.extend(files()[name] for name in names)
    return answer.SerializeToString()  # type: ignore[no-any-return]


def failed(message: str) -> bytes:
    return RESPONSE(  # type: ignore[no-any-return]
        error_response={"error_code": 5, "error_message": message}
    ).SerializeToString()


def asked(reflection: Reflection) -> tuple[str, str] | None:
    request = reflection.next()
    if request is None:
        return None
    message = REQUEST.FromString(request)
    kind = message.WhichOneof("message_request")
    return kind, getattr(message, kind)


def test_services_are_listed_then_their_files_then_what_those_import() -> None:
    reflection = Reflection()
    assert asked(reflection) == ("list_services", "*")
    reflection.receive(services("example.Greeter", "grpc.reflection.v1alpha.ServerReflection"))
    assert asked(reflection) == ("file_containing_symbol", "example.Greeter")
    reflection.receive(described("greeter.proto"))
    assert asked(reflection) == ("file_by_filename", "google/protobuf/any.proto")
    reflection.receive(failed("no such file"))  # ours is there already
    assert asked(reflection) == ("file_by_filename", "google/protobuf/timestamp.proto")
    reflection.receive(described("google/protobuf/timestamp.proto", "names.proto"))
    assert asked(reflection) is None  # names.proto came with it
    assert set(reflection.files) == {
        "greeter.proto",
        "google/protobuf/timestamp.proto",
        "names.proto",
    }
    assert reflection.notes == ["google/protobuf/any.proto: no such file"]


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (failed("not today"), "the server lists no services: not today"),
        (services(*map(str, range(MAX_SERVICES + 1))), "201 services, expected at most 200"),
        (b"\xff\xff", "what came is no reflection: no protobuf"),
        (b"\x32\x02\xff\xff", "what came is no reflection: no protobuf"),
    ],
)
def test_a_server_that_tells_nothing_or_nonsense_is_refused(response: bytes, said: str) -> None:
    reflection = Reflection()
    reflection.next()
    with pytest.raises(ReflectionError, match=said):
        reflection.receive(response)


def test_files_that_import_each_other_are_asked_for_once() -> None:
    reflection = Reflection()
    reflection.next()
    reflection.receive(services("a.A", "a.A"))
    assert asked(reflection) == ("file_containing_symbol", "a.A")
    loop = b"\x0a\x01a\x1a\x01a"  # a imports a
    reflection.receive(b"\x22" + bytes((len(loop) + 2,)) + b"\x0a" + bytes((len(loop),)) + loop)
    assert asked(reflection) is None
