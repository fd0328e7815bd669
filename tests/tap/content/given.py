"""What tests of decoders share: an exchange with a body, and people's own messages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.content.descriptors import Descriptors

DATA = Path(__file__).parent / "data"
GREETER = DATA / "greeter.binpb"
HELLO = "/example.Greeter/Hello"


def sent(
    data: bytes, type: str = "", coding: str = "", *, cut: bool = False, **more: str
) -> Exchange:
    """A request with that body; ``more`` are its other fields."""
    request = Request("POST", HELLO, headers=fields(type, coding, more), body=Body(data, cut))
    return Exchange("1", "node", request)


def answered(
    data: bytes,
    type: str = "",
    coding: str = "",
    trailers: dict[str, str] | None = None,
    **more: str,
) -> Exchange:
    """A request without a body, and a response with that one."""
    headers = fields(type, coding, more)
    response = Response(200, headers, Body(data), Headers.of(trailers or {}))
    return Exchange("1", "node", Request("POST", HELLO), response)


def fields(type: str, coding: str, more: dict[str, str]) -> Headers:
    known = {"content-type": type, "content-encoding": coding, **more}
    return Headers.of((name.replace("_", "-"), value) for name, value in known.items() if value)


def framed(data: bytes, flags: int = 0) -> bytes:
    return bytes((flags,)) + len(data).to_bytes(4, "big") + data


@cache
def schema() -> Descriptors:
    return Descriptors.of_file(GREETER)


@cache
def pool() -> descriptor_pool.DescriptorPool:
    made = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(GREETER.read_bytes()).file:
        made.AddSerializedFile(file.SerializeToString())
    return made


def message(name: str, **values: Any) -> bytes:
    """A message of ``greeter.proto``, serialised by protobuf itself."""
    return made(name)(**values).SerializeToString()  # type: ignore[no-any-return]


def made(name: str) -> Any:
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"example.{name}"))
