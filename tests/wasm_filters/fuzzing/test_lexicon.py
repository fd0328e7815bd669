"""What a hunt learns: by which names a filter asks, and what texts are in its module."""

from __future__ import annotations

from mesh_traffic import Request
from tests.wasm_filters.guests import guest
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.filter import Filter
from wasm_filters.fuzzing.lexicon import MAX_LENGTH, MAX_NAMES, Ears, Lexicon, Names
from wasm_filters.module import Module
from wasm_filters.worker import Worker


def heard(*calls: Call) -> Lexicon:
    lexicon = Lexicon()
    code = Script({"proxy_on_request_headers": list(calls)}).code()
    Filter(Module.of(code), worker=Worker(listener=Ears(lexicon))).handle(Request())
    return lexicon


def test_names_of_headers_are_heard_for_each_direction() -> None:
    lexicon = heard(
        Call("proxy_get_header_map_value", [0, b"X-Plan", Out.TEXT]),
        Call("proxy_replace_header_map_value", [2, b"x-out", b"1"]),
        Call("proxy_get_property", [b"request\0headers\0x-prop", Out.TEXT]),
        Call("proxy_get_header_map_value", [0, b"no name\n", Out.TEXT]),
    )
    assert lexicon.request_headers.list() == ["x-plan", "x-prop"]
    assert lexicon.answer_headers.list() == ["x-out"]


def test_clusters_and_keys_are_heard() -> None:
    lexicon = heard(
        Call("proxy_http_call", [b"auth", b"", b"", b"", 0, Out.NUMBER]),
        Call("proxy_grpc_stream", [b"log", b"", b"", b"", Out.NUMBER]),
        Call("proxy_get_shared_data", [b"bucket", Out.TEXT, Out.NUMBER]),
    )
    assert lexicon.clusters.list() == ["auth", "log"]
    assert lexicon.keys.list() == ["bucket"]


def test_a_bad_address_teaches_nothing() -> None:
    code = Script(
        {"proxy_on_request_headers": [Call("proxy_remove_header_map_value", [0, -16, 9])]}
    ).code()
    lexicon = Lexicon()
    Filter(Module.of(code), worker=Worker(listener=Ears(lexicon))).handle(Request())
    assert lexicon.size == 0


def test_texts_are_read_from_data_and_configuration() -> None:
    wide = "wide-word".encode("utf-16-le")
    escaped = "".join(f"\\{byte:02x}" for byte in wide)
    code = guest(f'(data (i32.const 0) "one two/three \\00 ab") (data (i32.const 64) "{escaped}")')
    words = Lexicon.of(code, '{"limit": 5}').words.list()
    assert words == ["limit", "one", "two/three", "wide-word"]


def test_names_are_bounded() -> None:
    names = Names(f"n{number}" for number in range(MAX_NAMES + 5))
    names.add("x" * (MAX_LENGTH + 1))
    assert len(names) == MAX_NAMES


def test_what_is_no_module_has_no_texts() -> None:
    assert Lexicon.of(b"\0asm\1\0\0\0\xff\xff\xff\xff\xff").size == 0
