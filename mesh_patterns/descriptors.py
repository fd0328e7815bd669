"""A door to protobuf: which services a set of descriptors has, as ``protoc`` writes one."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError


class NoDescriptors(ValueError):
    """Bytes that are no descriptor set."""


def services(data: bytes) -> list[str]:
    """The services of a serialised ``FileDescriptorSet``, with their packages, in its order.

    Raises NoDescriptors.
    """
    try:
        files = FileDescriptorSet.FromString(data).file
    except DecodeError as error:
        raise NoDescriptors("is no descriptor set") from error
    return [
        ".".join(filter(None, (each.package, service.name)))
        for each in files
        for service in each.service
    ]
