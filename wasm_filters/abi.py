"""The Proxy-Wasm ABI in words: its versions, its numbers and the callbacks that a module exports.

Source: https://github.com/proxy-wasm/spec/tree/main/abi-versions, "Types" and each callback's
section. Where Envoy 1.40 has values that the spec does not (actions above 1), they are here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum


class AbiVersion(Enum):
    """A version of the ABI; a module says which one it speaks by exporting the marker."""

    V0_1_0 = "0.1.0"
    V0_2_0 = "0.2.0"
    V0_2_1 = "0.2.1"

    @property
    def marker(self) -> str:
        return f"proxy_abi_version_{self.value.replace('.', '_')}"


ALL_VERSIONS = frozenset(AbiVersion)


class Status(IntEnum):
    """What a hostcall answers (``proxy_status_t``)."""

    OK = 0
    NOT_FOUND = 1
    BAD_ARGUMENT = 2
    SERIALIZATION_FAILURE = 3
    PARSE_FAILURE = 4
    INVALID_MEMORY_ACCESS = 6
    EMPTY = 7
    CAS_MISMATCH = 8
    INTERNAL_FAILURE = 10
    UNIMPLEMENTED = 12


class LogLevel(IntEnum):
    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    CRITICAL = 5


class MapType(IntEnum):
    """A set of HTTP fields (``proxy_map_type_t``)."""

    REQUEST_HEADERS = 0
    REQUEST_TRAILERS = 1
    RESPONSE_HEADERS = 2
    RESPONSE_TRAILERS = 3
    GRPC_CALL_INITIAL_METADATA = 4
    GRPC_CALL_TRAILING_METADATA = 5
    HTTP_CALL_RESPONSE_HEADERS = 6
    HTTP_CALL_RESPONSE_TRAILERS = 7


class BufferType(IntEnum):
    """A run of bytes that the host owns (``proxy_buffer_type_t``)."""

    REQUEST_BODY = 0
    RESPONSE_BODY = 1
    DOWNSTREAM_DATA = 2
    UPSTREAM_DATA = 3
    HTTP_CALL_RESPONSE_BODY = 4
    GRPC_CALL_MESSAGE = 5
    VM_CONFIGURATION = 6
    PLUGIN_CONFIGURATION = 7
    FOREIGN_FUNCTION_ARGUMENTS = 8


class StreamType(IntEnum):
    REQUEST = 0
    RESPONSE = 1
    DOWNSTREAM = 2
    UPSTREAM = 3


class MetricType(IntEnum):
    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class HeadersAction(IntEnum):
    """What a headers callback answers. The spec has 0 and 1; Envoy takes all five."""

    CONTINUE = 0
    STOP_ITERATION = 1
    CONTINUE_AND_END_STREAM = 2
    STOP_ALL_ITERATION_AND_BUFFER = 3
    STOP_ALL_ITERATION_AND_WATERMARK = 4


class DataAction(IntEnum):
    """What a body callback answers. The spec has 0 and 1; Envoy takes all four."""

    CONTINUE = 0
    STOP_ITERATION_AND_BUFFER = 1
    STOP_ITERATION_AND_WATERMARK = 2
    STOP_ITERATION_NO_BUFFER = 3


class TrailersAction(IntEnum):
    CONTINUE = 0
    STOP_ITERATION = 1


class PeerType(IntEnum):
    """Who closed a connection (``proxy_peer_type_t``)."""

    UNKNOWN = 0
    LOCAL = 1
    REMOTE = 2


class GrpcStatus(IntEnum):
    """https://github.com/grpc/grpc/blob/master/doc/statuscodes.md"""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """A wasm function's type: one letter per value, ``i`` for i32, ``I`` for i64, ``f``, ``F``."""

    params: str = ""
    results: str = ""

    def __str__(self) -> str:
        """As Envoy writes it: ``i32 i32 -> i32``."""
        names = {"i": "i32", "I": "i64", "f": "f32", "F": "f64"}
        params = " ".join(names.get(kind, "?") for kind in self.params) or "void"
        return f"{params} -> {' '.join(names.get(kind, '?') for kind in self.results) or 'void'}"


_START = {
    "_initialize": Signature(),
    "_start": Signature(),
    "main": Signature("ii", "i"),
    "__main_void": Signature("", "i"),
    "malloc": Signature("i", "i"),
    "proxy_on_memory_allocate": Signature("i", "i"),
}
_EVERY_VERSION = {
    **_START,
    "proxy_on_context_create": Signature("ii"),
    "proxy_on_vm_start": Signature("ii", "i"),
    "proxy_on_configure": Signature("ii", "i"),
    "proxy_validate_configuration": Signature("ii", "i"),
    "proxy_on_tick": Signature("i"),
    "proxy_on_queue_ready": Signature("ii"),
    "proxy_on_done": Signature("i", "i"),
    "proxy_on_log": Signature("i"),
    "proxy_on_delete": Signature("i"),
    "proxy_on_new_connection": Signature("i", "i"),
    "proxy_on_downstream_data": Signature("iii", "i"),
    "proxy_on_upstream_data": Signature("iii", "i"),
    "proxy_on_downstream_connection_close": Signature("ii"),
    "proxy_on_upstream_connection_close": Signature("ii"),
    "proxy_on_request_body": Signature("iii", "i"),
    "proxy_on_request_trailers": Signature("ii", "i"),
    "proxy_on_request_metadata": Signature("ii", "i"),
    "proxy_on_response_body": Signature("iii", "i"),
    "proxy_on_response_trailers": Signature("ii", "i"),
    "proxy_on_response_metadata": Signature("ii", "i"),
    "proxy_on_http_call_response": Signature("iiiii"),
    "proxy_on_grpc_receive_initial_metadata": Signature("iii"),
    "proxy_on_grpc_receive_trailing_metadata": Signature("iii"),
    "proxy_on_grpc_receive": Signature("iii"),
    "proxy_on_grpc_close": Signature("iii"),
    # Envoy's own (source/extensions/common/wasm/wasm.cc)
    "envoy_on_resolve_dns": Signature("iii"),
    "envoy_on_stats_update": Signature("ii"),
}
_0_2 = {
    **_EVERY_VERSION,
    "proxy_on_request_headers": Signature("iii", "i"),  # 0.2.0 added end_of_stream
    "proxy_on_response_headers": Signature("iii", "i"),
    "proxy_on_foreign_function": Signature("iii"),
}
CALLBACKS: Mapping[AbiVersion, Mapping[str, Signature]] = {
    AbiVersion.V0_1_0: {
        **_EVERY_VERSION,
        "proxy_on_request_headers": Signature("ii", "i"),
        "proxy_on_response_headers": Signature("ii", "i"),
    },
    AbiVersion.V0_2_0: _0_2,
    AbiVersion.V0_2_1: _0_2,
}
ALLOCATORS = ("malloc", "proxy_on_memory_allocate")  # in the order in which Envoy looks for them
