"""The door to protobuf for people's own messages: descriptors that name the fields of gRPC's.

They come from a file that ``protoc --include_imports --descriptor_set_out`` writes, or from a
server's reflection. They live in a descriptor pool of their own. Import it late: protobuf takes
50 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    unknown_fields,
    wrappers_pb2,
)
from google.protobuf.message import DecodeError, Message

from tap.content.nouns import Side, Undecodable

MAX_SET = 32 * 1024 * 1024  # bytes of all descriptors together
MAX_FILES = 10_000

_WELL_KNOWN = (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    api_pb2,  # needs the two before it
    wrappers_pb2,
)
# A message may hold an Any of a type that nobody described, or a time that is none.
_BAD = (DecodeError, ValueError, TypeError, KeyError, RecursionError, json_format.Error)


class DescriptorError(Exception):
    """Bytes are no descriptors, or they lack a file that they import; the message has the place."""


class Descriptors:
    """A ``Schema`` made of ``FileDescriptorProto`` messages. ``services``: by their full names."""

    def __init__(self, files: Iterable[bytes], place: str) -> None:
        """``files`` in any order; ``place`` begins each error. Raises DescriptorError."""
        self.services: tuple[str, ...] = ()
        self._pool = descriptor_pool.DescriptorPool()
        self._there: set[str] = set()
        for module in _WELL_KNOWN:
            self._pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            self._there.add(module.DESCRIPTOR.name)
        for file in _in_order(_parsed(files, place), self._there, place):
            self._add(file, place)

    @classmethod
    def of_file(cls, path: Path) -> Descriptors:
        """Of a serialised ``FileDescriptorSet``. Raises DescriptorError."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SET + 1)
        except OSError as error:
            raise DescriptorError(f"{path}: {error.strerror}") from error
        return cls.of_set(data, str(path))

    @classmethod
    def of_set(cls, data: bytes, place: str) -> Descriptors:
        if len(data) > MAX_SET:
            raise DescriptorError(f"{place}: more than {MAX_SET:,} bytes")
        try:
            files = descriptor_pb2.FileDescriptorSet.FromString(data).file
        except DecodeError as error:
            raise DescriptorError(f"{place}: expected a FileDescriptorSet: {error}") from error
        if not any(file.name for file in files):
            raise DescriptorError(f"{place}: expected a FileDescriptorSet, got no file in it")
        return cls((file.SerializeToString() for file in files), place)

    def decode(self, method: str, side: Side, data: bytes) -> tuple[Any, tuple[str, ...]] | None:
        """As ``Schema``: fields by the names in the ``.proto``, values as in proto JSON."""
        service, _, name = method.rpartition("/")
        try:
            found = self._pool.FindServiceByName(service).methods_by_name[name]
        except KeyError:
            return None
        type_ = found.input_type if side == "request" else found.output_type
        try:
            message = message_factory.GetMessageClass(type_).FromString(data)
        except DecodeError as error:
            raise Undecodable(f"no {type_.full_name}") from error
        return self._shown(message), _strangers(message)

    def _shown(self, message: Message) -> Any:
        try:
            return self._to_dict(message)
        except _BAD:
            _close_unknown(message, self._pool)
        try:
            return self._to_dict(message)
        except _BAD as error:
            name = message.DESCRIPTOR.full_name
            raise Undecodable(f"no {name}: {str(error).splitlines()[0]}") from error

    def _to_dict(self, message: Message) -> Any:
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, descriptor_pool=self._pool
        )

    def _add(self, file: descriptor_pb2.FileDescriptorProto, place: str) -> None:
        try:
            self._pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise DescriptorError(f"{place}: {file.name}: {reason}") from error
        package = f"{file.package}." if file.package else ""
        self.services += tuple(f"{package}{service.name}" for service in file.service)


def _parsed(files: Iterable[bytes], place: str) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for data in files:
        if len(found) >= MAX_FILES:
            raise DescriptorError(f"{place}: more than {MAX_FILES:,} files")
        try:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
        except DecodeError as error:
            raise DescriptorError(f"{place}: expected a FileDescriptorProto: {error}") from error
        found[file.name] = file
    return found


def _in_order(
    files: dict[str, descriptor_pb2.FileDescriptorProto], there: set[str], place: str
) -> Iterator[descriptor_pb2.FileDescriptorProto]:
    """Each file after those that it imports, ``there`` left out."""
    waiting = {name: file for name, file in files.items() if name not in there}
    there = set(there)
    while waiting:
        ready = [one for one in waiting.values() if there.issuperset(one.dependency)]
        if not ready:
            name, file = next(iter(waiting.items()))
            missing = next(one for one in file.dependency if one not in there)
            raise DescriptorError(
                f"{place}: {name} imports {missing}, which is not there"
                " (protoc adds it with --include_imports)"
            )
        for file in ready:
            yield file
            there.add(file.name)
            del waiting[file.name]


def _strangers(message: Message) -> tuple[str, ...]:
    """A note on fields that the descriptor does not know."""
    unknown = unknown_fields.UnknownFieldSet(message)
    numbers = sorted({unknown[at].field_number for at in range(len(unknown))})
    if not numbers:
        return ()
    listed = ", ".join(map(str, numbers[:10]))
    return (f"fields that {message.DESCRIPTOR.full_name} does not have: {listed}",)


def _close_unknown(message: Any, pool: descriptor_pool.DescriptorPool) -> None:
    """Put what an Any holds in hexadecimal, where its type is not known: proto JSON refuses it."""
    for field, value in message.ListFields():
        for one in _messages(field, value):
            if field.message_type.full_name != "google.protobuf.Any" and not _is_any(one):
                _close_unknown(one, pool)
            elif not _is_known(one.type_url, pool):
                closed = struct_pb2.Struct()
                closed.update({"type_url": one.type_url, "hex": one.value.hex()})
                one.Pack(closed)


def _is_any(message: Any) -> bool:
    return bool(message.DESCRIPTOR.full_name == "google.protobuf.Any")


def _messages(field: Any, value: Any) -> Iterable[Any]:
    if field.message_type is None:
        return ()
    if field.message_type.GetOptions().map_entry:
        held = field.message_type.fields_by_name["value"]
        return value.values() if held.message_type is not None else ()
    return value if field.is_repeated else (value,)


def _is_known(type_url: str, pool: descriptor_pool.DescriptorPool) -> bool:
    try:
        pool.FindMessageTypeByName(type_url.rpartition("/")[2])
    except KeyError:
        return False
    return True
