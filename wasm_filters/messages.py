"""The few protobuf messages that a filter can meet: a door to protobuf's own runtime.

Attributes that are messages (``xds.node``, all metadata), the arguments and results of foreign
functions, and the tree of a parsed expression. They are described here, in the field numbers of
Envoy's and CEL's ``.proto`` files, and live in a descriptor pool of their own; protobuf's
well-known types are in it, too. Import it late: protobuf takes 50 ms.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import DecodeError

from wasm_filters.properties.values import BROKEN, NULL, Blob, Duration, Timestamp, Uint, Value

CORE = "envoy.config.core.v3"
WASM = "envoy.source.extensions.common.wasm"
CEL = "cel.expr"
ENVOYS = (
    "envoy.",
    "google.",
    "xds.",
    "udpa.",
    "validate.",
    "cel.",
    "opencensus.",
    "opentelemetry.",
)
_WELL_KNOWN = (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
# Messages that an expression may make and that a property may be declared to hold.
ATTRIBUTES: Mapping[str, str] = {
    f"{CORE}.Locality": "string region = 1, string zone = 2, string sub_zone = 3",
    f"{CORE}.Metadata": "map google.protobuf.Struct filter_metadata = 1,"
    " map google.protobuf.Any typed_filter_metadata = 2",
    f"{CORE}.Node": "string id = 1, string cluster = 2, google.protobuf.Struct metadata = 3,"
    f" {CORE}.Locality locality = 4, string user_agent_name = 6, string user_agent_version = 7,"
    f" {CORE}.BuildVersion user_agent_build_version = 8, repeated {CORE}.Extension extensions = 9,"
    f" repeated string client_features = 10, repeated {CORE}.Address listening_addresses = 11,"
    " map xds.core.v3.ContextParams dynamic_parameters = 12",
    f"{CORE}.BuildVersion": "envoy.type.v3.SemanticVersion version = 1,"
    " google.protobuf.Struct metadata = 2",
    f"{CORE}.Extension": "string name = 1, string category = 2, string type_descriptor = 3,"
    f" {CORE}.BuildVersion version = 4, bool disabled = 5, repeated string type_urls = 6",
    f"{CORE}.Address": "",
    "envoy.type.v3.SemanticVersion": "uint32 major_number = 1, uint32 minor_number = 2,"
    " uint32 patch = 3",
    "xds.core.v3.ContextParams": "map string params = 1",
}
# source/extensions/common/wasm/ext/*.proto; their enums are numbers here
_FOREIGN: Mapping[str, str] = {
    f"{WASM}.VerifySignatureArguments": "string hash_function = 1, bytes public_key = 2,"
    " bytes signature = 3, bytes text = 4, string public_key_pem = 5",
    f"{WASM}.VerifySignatureResult": "bool result = 1, string error = 2",
    f"{WASM}.SignArguments": "string hash_function = 1, bytes private_key = 2, bytes text = 3,"
    " string private_key_pem = 4",
    f"{WASM}.SignResult": "bool result = 1, bytes signature = 2, string error = 3",
    f"{WASM}.SetEnvoyFilterStateArguments": "string path = 1, string value = 2, int32 span = 3",
    f"{WASM}.DeclarePropertyArguments": "string name = 1, bool readonly = 2, int32 type = 3,"
    " bytes schema = 4, int32 span = 5",
}
# https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
_SYNTAX: Mapping[str, str] = {
    f"{CEL}.ParsedExpr": f"{CEL}.Expr expr = 2",
    f"{CEL}.Expr": f"{CEL}.Constant const_expr = 3, {CEL}.Ident ident_expr = 4,"
    f" {CEL}.Select select_expr = 5, {CEL}.Call call_expr = 6, {CEL}.CreateList list_expr = 7,"
    f" {CEL}.CreateStruct struct_expr = 8, {CEL}.Comprehension comprehension_expr = 9",
    f"{CEL}.Constant": "bool bool_value = 2, int64 int64_value = 3, uint64 uint64_value = 4,"
    " double double_value = 5, string string_value = 6, bytes bytes_value = 7",
    f"{CEL}.Ident": "string name = 1",
    f"{CEL}.Select": f"{CEL}.Expr operand = 1, string field = 2, bool test_only = 3",
    f"{CEL}.Call": f"{CEL}.Expr target = 1, string function = 2, repeated {CEL}.Expr args = 3",
    f"{CEL}.CreateList": f"repeated {CEL}.Expr elements = 1",
    f"{CEL}.CreateStruct": f"string message_name = 1, repeated {CEL}.Entry entries = 2",
    f"{CEL}.Entry": f"string field_key = 2, {CEL}.Expr map_key = 3, {CEL}.Expr value = 4",
    f"{CEL}.Comprehension": f"string iter_var = 1, {CEL}.Expr iter_range = 2,"
    f" string accu_var = 3, {CEL}.Expr accu_init = 4, {CEL}.Expr loop_condition = 5,"
    f" {CEL}.Expr loop_step = 6, {CEL}.Expr result = 7, string iter_var2 = 8",
}
# What a gRPC call may name instead of a cluster: envoy.config.core.v3.GrpcService. The names are
# our own, which bytes do not tell, so that no attribute is read by what is only a part of it.
SERVICE = "service"
_SERVICE: Mapping[str, str] = {
    f"{SERVICE}.Grpc": f"google.protobuf.Duration timeout = 3,"
    f" repeated {SERVICE}.Header initial_metadata = 5",
    f"{SERVICE}.Target": f"{SERVICE}.Envoy envoy_grpc = 1, {SERVICE}.Google google_grpc = 2",
    f"{SERVICE}.Envoy": "string cluster_name = 1, string authority = 2",
    f"{SERVICE}.Google": "string target_uri = 1",
    f"{SERVICE}.Header": "string key = 1, string value = 2, bytes raw_value = 3",
}
# of these, which field is set matters, even if it is 0; only one of them can be
_PRESENCE = frozenset({f"{CEL}.Constant", f"{SERVICE}.Target"})
_FIELD = re.compile(r"(repeated |map )?([\w.]+) (\w+) = (\d+)")
_TYPES = descriptor_pb2.FieldDescriptorProto


class MessageError(ValueError):
    """Bytes, or a mapping, that are no message of their type."""


@functools.cache
def pool() -> descriptor_pool.DescriptorPool:
    """All of the above."""
    made = descriptor_pool.DescriptorPool()
    dependencies = []
    for module in _WELL_KNOWN:
        made.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        dependencies.append(module.DESCRIPTOR.name)
    every = {**ATTRIBUTES, **_FOREIGN, **_SYNTAX, **_SERVICE}
    packages = {name.rpartition(".")[0] for name in every}
    for package in sorted(packages, key=_order):
        file = descriptor_pb2.FileDescriptorProto(
            name=f"{package}.proto", package=package, syntax="proto3", dependency=dependencies
        )
        for name, fields in every.items():
            if name.rpartition(".")[0] == package:
                describe(file.message_type.add(name=name.rpartition(".")[2]), name, fields)
        made.AddSerializedFile(file.SerializeToString())
        dependencies.append(file.name)
    return made


def _order(package: str) -> tuple[bool, str]:
    """A file comes after those that it imports."""
    return package == CORE, package


def describe(message: descriptor_pb2.DescriptorProto, name: str, fields: str) -> None:
    """Give a message the fields that are written as in the tables above."""
    for kind, type_name, field_name, number in _FIELD.findall(fields):
        added = message.field.add(name=field_name, number=int(number))
        added.label = _TYPES.LABEL_REPEATED if kind else _TYPES.LABEL_OPTIONAL
        if kind == "map ":
            entry = message.nested_type.add(name=_entry(field_name))
            entry.options.map_entry = True
            _set_type(entry.field.add(name="key", number=1), "string")
            _set_type(entry.field.add(name="value", number=2), type_name)
            type_name = f"{name}.{entry.name}"
        _set_type(added, type_name)
        if name in _PRESENCE:
            added.oneof_index = 0
    if name in _PRESENCE:
        message.oneof_decl.add(name="kind")


def _entry(field_name: str) -> str:
    """The name that protobuf's compiler gives to a map's message."""
    return "".join(part.capitalize() for part in field_name.split("_")) + "Entry"


def _set_type(field: descriptor_pb2.FieldDescriptorProto, type_name: str) -> None:
    if "." in type_name:
        field.type, field.type_name = _TYPES.TYPE_MESSAGE, f".{type_name}"
    else:
        field.type = _TYPES.Type.Value(f"TYPE_{type_name.upper()}")


@functools.cache
def message_class(name: str) -> Any | None:
    """Protobuf's class for ``name``; None if it is not known here."""
    try:
        return message_factory.GetMessageClass(pool().FindMessageTypeByName(name))
    except KeyError:
        return None


def known(name: str) -> Any:
    """Protobuf's class for a message that is described here."""
    found = message_class(name)
    assert found is not None, name
    return found


def parse(name: str, data: bytes) -> Any:
    """The message in ``data``. MessageError: it holds none of that type."""
    try:
        return known(name).FromString(data)
    except DecodeError as error:
        raise MessageError(f"{len(data)} bytes are no {name}: {error}") from error


def build(name: str, content: Mapping[str, Any]) -> Any:
    """The message that ``content`` describes, in Envoy's field names and proto JSON's values.

    MessageError: a field that is not there, or that does not hold such a value.
    """
    try:
        return json_format.ParseDict(dict(content), known(name)(), descriptor_pool=pool())
    except json_format.ParseError as error:
        raise MessageError(f"{name}: {error}") from error


def make(name: str, **fields: Any) -> bytes:
    """The bytes of a message with these ``fields``."""
    made: bytes = known(name)(**fields).SerializeToString()
    return made


def field(message: Any, name: str) -> Value:
    """One field's value, its default if it is not set; None if there is no such field."""
    found = message.DESCRIPTOR.fields_by_name.get(name)
    if found is None:
        return None
    value = getattr(message, name)
    if found.message_type is not None and found.message_type.GetOptions().map_entry:
        return {str(key): value_of(value[key]) for key in value}
    if found.is_repeated:
        return [_scalar(each, found) for each in value]
    return _scalar(value, found)


def _scalar(value: Any, described: Any) -> Value:
    if described.cpp_type in (described.CPPTYPE_UINT32, described.CPPTYPE_UINT64):
        return Uint(value)
    return Blob(value) if described.type == described.TYPE_BYTES else value_of(value)


def value_of(value: Any) -> Value:
    """A message as CEL sees it: the well-known ones are values, all others are themselves."""
    descriptor = getattr(value, "DESCRIPTOR", None)
    if descriptor is None:
        return value  # type: ignore[no-any-return] # a scalar: protobuf is untyped
    known = _VALUES.get(descriptor.full_name)
    return known(value) if known is not None else value


def read(type_url: str, data: bytes) -> Value:
    """What an Any of that type holds; BROKEN if it does not, or if nobody knows the type."""
    _, slash, name = type_url.rpartition("/")
    cls = message_class(name) if slash else None
    if cls is None:
        return BROKEN
    try:
        return value_of(cls.FromString(data))
    except DecodeError:
        return BROKEN


def is_foreign(type_url: str) -> bool:
    """Whether Envoy may know that type, and nobody here does."""
    _, slash, name = type_url.rpartition("/")
    return bool(slash) and message_class(name) is None and name.startswith(ENVOYS)


def _dynamic(value: Any) -> Value:
    kind = value.WhichOneof("kind")
    return NULL if kind in (None, "null_value") else value_of(getattr(value, kind))


def _unsigned(value: Any) -> Value:
    return Uint(value.value)


def _plain(value: Any) -> Value:
    return value.value  # type: ignore[no-any-return] # protobuf is untyped


_PREFIX = "google.protobuf."
_VALUES: Mapping[str, Callable[[Any], Value]] = {
    _PREFIX + "Struct": lambda value: {key: value_of(value.fields[key]) for key in value.fields},
    _PREFIX + "ListValue": lambda value: [value_of(each) for each in value.values],
    _PREFIX + "Value": _dynamic,
    _PREFIX + "Any": lambda value: read(value.type_url, value.value),
    _PREFIX + "Duration": lambda value: Duration(value.ToNanoseconds()),
    _PREFIX + "Timestamp": lambda value: Timestamp(value.ToNanoseconds()),
    _PREFIX + "UInt32Value": _unsigned,
    _PREFIX + "UInt64Value": _unsigned,
    _PREFIX + "BytesValue": lambda value: Blob(value.value),
    **{_PREFIX + f"{kind}Value": _plain for kind in ("Bool", "Double", "Float", "Int32", "Int64")},
    _PREFIX + "StringValue": _plain,
}
