"""Foreign functions where this host differs from Envoy, and says so. What is the same is in the
``…_fidelity`` modules."""

from __future__ import annotations

import struct
import sys
import zlib

import pytest

import wasm_filters.foreign
from mesh_traffic import Request
from tests.wasm_filters.engines import answers, foreign, prop
from tests.wasm_filters.probe import Call, Probe
from tests.wasm_filters.wire import field, filter_state
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.foreign import compression
from wasm_filters.foreign.syntax import ENVOYS
from wasm_filters.http.outcome import Outcome
from wasm_filters.messages import ATTRIBUTES, WASM, MessageError, build, make, parse, read
from wasm_filters.module import Module
from wasm_filters.properties import Surroundings
from wasm_filters.properties.values import BROKEN, Duration, Uint, encode, member
from wasm_filters.worker import Worker

EVALUATE = foreign("expr_evaluate", struct.pack("<I", 0), "evaluate")


def send(*calls: Call, around: Surroundings | None = None) -> Outcome:
    module = Module.of(Probe({"proxy_on_request_headers": calls}).code())
    worker = Worker(surroundings=around or Surroundings())
    return Filter(module, PluginConfig(), worker).handle(Request())


def values(outcome: Outcome) -> list[tuple[int, bytes | None]]:
    assert outcome.failure is None, outcome.failure
    return [(each.status, each.value) for each in answers([log.message for log in outcome.logs])]


def create(source: str) -> Call:
    return foreign("expr_create", source.encode(), "create")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("xds.cluster_name", b"mine"),
        ("request.path + any.thing", b"/given!"),
        ("xds.node.metadata.APP", b"app"),
        ("xds.node.metadata.APP + xds.node.metadata.OTHER", b"appother"),
        ("number + 1u", struct.pack("<Q", 8)),
        ("data == b'x'", b"\x01"),
        ("waited > duration('1s')", b"\x01"),
        ("lists[1].a", b"A"),
    ],
)
def test_what_a_user_gives_is_a_variable(source: str, value: bytes) -> None:
    around = Surroundings(
        cluster_name="mine",
        properties={
            "request.path": "/given",
            "any": {"thing": "!"},
            "xds.node.metadata.APP": "app",
            "xds.node.metadata.OTHER": "other",
            "number": Uint(7),
            "data": b"x",
            "waited": Duration(2 * 10**9),
            "lists": [1, {"a": "A"}],
        },
    )
    assert values(send(create(source), EVALUATE, around=around)) == [
        (0, struct.pack("<I", 0)),
        (0, value),
    ]


def test_a_header_that_is_not_utf_8_is_no_text_for_an_expression() -> None:
    header = Call("proxy_add_header_map_value", [0, b"x-a", b"\xff"])
    outcome = send(header, prop("request.headers.x-a"), create("request.headers['x-a']"), EVALUATE)
    assert outcome.failure is not None
    assert "is not UTF-8" in outcome.failure.reason


def test_a_time_inside_of_a_list_is_warned_about_when_it_is_rounded() -> None:
    outcome = send(create("[duration('0.0000015s')]"), EVALUATE)
    assert "a time inside of a list or map comes to the microsecond" in outcome.warnings[0]
    assert values(outcome)[1][0] == 0


def test_expressions_of_the_called_context_do_not_see_an_effective_one() -> None:
    """As in Envoy: a tick that acts on a request's context evaluates on the root context."""
    effective = Call("proxy_set_effective_context", [1], "effective")
    outcome = send(create("request.path"), effective, prop("request.path"), EVALUATE)
    assert values(outcome)[2:] == [(1, None), (0, b"/")]


def test_without_the_runtime_of_cel_an_expression_ends_the_callback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(wasm_filters.foreign, "cel", raising=False)
    monkeypatch.delitem(sys.modules, "wasm_filters.foreign.cel", raising=False)
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    outcome = send(create("1"))
    assert outcome.failure is not None
    assert "expressions need cel-expr-python, which is not installed" in outcome.failure.reason


def test_a_bomb_is_not_uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_UNCOMPRESSED", 1000)
    outcome = send(foreign("uncompress", zlib.compress(b"a" * 1001)))
    assert outcome.failure is not None
    assert "uncompress: more than 1000 bytes" in outcome.failure.reason
    assert values(send(foreign("uncompress", zlib.compress(b"a" * 1000)))) == [(0, b"a" * 1000)]


def test_an_object_of_another_life_span_is_not_set_and_warned_about() -> None:
    first, second = (
        foreign("set_envoy_filter_state", filter_state("envoy.string", value, span))
        for value, span in (("a", 0), ("b", 2))
    )
    outcome = send(first, second, prop(b"filter_state\0envoy.string"))
    assert values(outcome)[2] == (0, b"a")
    assert "envoy.string has another life span: as in Envoy, it is not set" in outcome.warnings[0]


def test_messages_are_those_that_are_written_by_hand() -> None:
    signed = make(f"{WASM}.SignResult", result=True, signature=b"s")
    assert signed == field(1, 1) + field(2, b"s")
    arguments = field(1, "sha256") + field(2, b"key") + field(3, b"sig") + field(4, b"text")
    given = parse(f"{WASM}.VerifySignatureArguments", arguments + field(5, "pem"))
    assert (given.hash_function, given.public_key, given.signature) == ("sha256", b"key", b"sig")
    assert (given.text, given.public_key_pem) == (b"text", "pem")
    node = build("envoy.config.core.v3.Node", {"id": "n", "locality": {"zone": "z"}})
    assert encode(node) == field(1, "n") + field(4, field(2, "z"))
    assert member(node, b"locality") == node.locality
    with pytest.raises(MessageError, match="1 bytes are no"):
        parse(f"{WASM}.SignArguments", b"\xff")


def test_a_message_is_read_by_its_type_url() -> None:
    url = "type.googleapis.com/google.protobuf."
    assert read(url + "Int64Value", field(1, 7)) == 7
    assert read(url + "UInt64Value", field(1, 7)) == Uint(7)
    assert read(url + "Any", field(1, url + "BoolValue") + field(2, field(1, 1))) is True
    assert read(url + "Duration", b"\xff") is BROKEN
    assert read("google.protobuf.Duration", b"") is BROKEN


def test_every_described_message_is_of_a_package_of_envoys() -> None:
    assert all(name.startswith(ENVOYS) for name in ATTRIBUTES)
