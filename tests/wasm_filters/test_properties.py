"""What surrounds a filter, as a user tells it, and what it finds. What Envoy finds is in the
``…_fidelity`` modules."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from mesh_traffic import Request
from tests.wasm_filters.engines import Answered, answers, foreign, prop, set_property
from tests.wasm_filters.probe import Call, Probe
from tests.wasm_filters.wire import declared
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.properties import (
    FilterState,
    Prototype,
    StreamInfo,
    Surroundings,
    SurroundingsError,
)
from wasm_filters.properties.filter_state import EnvoyObject, LifeSpan
from wasm_filters.properties.values import Duration, Timestamp, Uint, Unserialisable, encode
from wasm_filters.worker import Worker


def ask(*calls: Call, around: Surroundings | None = None, **config: Any) -> list[Answered]:
    outcome = send(Probe({"proxy_on_request_headers": calls}), around, **config)
    return answers([log.message for log in outcome.logs])


def send(probe: Probe, around: Surroundings | None = None, **config: Any) -> Outcome:
    worker = Worker(surroundings=around or Surroundings())
    return Filter(Module.of(probe.code()), PluginConfig(**config), worker).handle(Request())


def found(path: str | bytes, around: Surroundings, **config: Any) -> bytes | None:
    (answered,) = ask(prop(path), around=around, **config)
    assert answered.status in (0, 1)
    return answered.value if answered.status == 0 else None


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ("text", b"text"),
        (b"\xff", b"\xff"),
        (True, b"\x01"),
        (-1, struct.pack("<q", -1)),
        (1.5, struct.pack("<d", 1.5)),
        (Uint(2**64 - 1), b"\xff" * 8),
        (Duration(3), struct.pack("<q", 3)),
        (Timestamp(4), struct.pack("<q", 4)),
        ({"a": 1}, encode_pairs([(b"a", struct.pack("<q", 1))])),
        (["a", b"b"], encode_pairs([(b"a", b""), (b"b", b"")])),
        ({"a": {"b": []}}, encode_pairs([(b"a", encode_pairs([(b"b", b"\0\0\0\0")]))])),
    ],
)
def test_any_attribute_can_be_given_by_its_path(given: object, data: bytes) -> None:
    around = Surroundings(properties={"request.path": given, "any.thing": given})
    assert found("request.path", around) == data
    assert found("any.thing", around) == data
    assert found("any.other", around) is None


def test_a_given_map_or_list_is_looked_into() -> None:
    properties = {"xds.node": {"id": "n", "metadata": {"a.b": [1, "two"]}}}
    around = Surroundings(properties=properties)
    assert found("xds.node.id", around) == b"n"
    assert found(b"xds\0node\0metadata\0a.b\0" + b"1", around) == b"two"
    assert found("xds.node.metadata.nope", around) is None
    assert found("xds.cluster_name", around) == b"cluster"


def test_what_is_given_deep_inside_stands_beside_the_rest() -> None:
    around = Surroundings(node={"id": "n"}, properties={"xds.node.metadata.APP": "app"})
    assert found("xds.node.metadata.APP", around) == b"app"
    assert found("xds.node.id", around) == b"n"


def test_a_plugin_has_properties_of_its_own() -> None:
    around = Surroundings(properties={"a": "worker's", "b": "worker's"})
    assert found("a", around, properties={"a": b"plugin's"}) == b"plugin's"
    assert found("b", around, properties={"a": b"plugin's"}) == b"worker's"


def test_a_root_context_finds_what_is_given_and_the_node() -> None:
    calls = [prop("xds.node.id"), prop("mine"), prop("request.path"), prop("source.address")]
    probe = Probe({"proxy_on_configure": calls})
    worker = Worker(surroundings=Surroundings(node={"id": "n"}, properties={"mine": "m"}))
    Filter(Module.of(probe.code()), None, worker)
    found = answers([log.message for log in worker.journal.logs])
    assert [each.value for each in found] == [b"n", b"m", None, None]


def test_null_can_not_be_handed_over_wherever_it_stands() -> None:
    for given in (None, {"a": None}, [None]):
        (answered,) = ask(prop("x"), around=Surroundings(properties={"x": given}))
        assert answered.status == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source": "10.0.0.1"}, "source: '10.0.0.1' is no address, expected IP:PORT"),
        ({"upstream": "10.0.0.1:65536"}, "upstream: '10.0.0.1:65536' is no address"),
        ({"properties": {"a": object}}, "property a: <class 'object'> is no attribute's value"),
        ({"properties": {"a": 2**63}}, "property a: 9223372036854775808 has more than 64 bits"),
        ({"properties": {"a": Uint(-1)}}, "property a: -1 has more than 64 bits"),
        ({"node": {"ident": "n"}}, "node: envoy.config.core.v3.Node: .*ident"),
        ({"cluster_metadata": {"filter_metadata": {"a": 1}}}, "cluster_metadata: .*Metadata"),
    ],
)
def test_wrong_surroundings_can_not_be_built(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SurroundingsError, match=message):
        Surroundings(**wrong)


@pytest.mark.parametrize(
    "path", ["node", "cluster_name", "route_name", "listener_direction", "upstream_host_metadata"]
)
def test_what_has_moved_to_xds_is_warned_about(path: str) -> None:
    outcome = send(Probe({"proxy_on_request_headers": [prop(path)]}))
    assert outcome.warnings == (
        f"proxy_on_request_headers: property {path} is not found, as in Envoy; it is xds.{path}",
    )


def test_the_whole_node_is_warned_about_because_envoys_is_longer() -> None:
    outcome = send(Probe({"proxy_on_request_headers": [prop("xds.node"), prop("xds.node.id")]}))
    (warning,) = outcome.warnings
    assert "xds.node lists no extensions here" in warning


def test_a_flatbuffer_that_is_looked_into_ends_the_callback() -> None:
    calls = [set_property(b"f", b"x"), prop("f"), prop("f.a")]
    declare = foreign("declare_property", declared("f", kind=2))
    probe = Probe({"proxy_on_configure": [declare], "proxy_on_request_headers": calls})
    outcome = send(probe)
    assert outcome.failure is not None
    assert outcome.failure.reason == (
        "property f.a: FlatBuffers are not supported here, but as a whole"
    )


def test_a_message_that_only_envoy_knows_ends_the_callback() -> None:
    schema = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    declare = foreign("declare_property", declared("c", kind=3, schema=schema))
    calls = [set_property(b"c", b""), prop("c"), prop("c.name")]
    outcome = send(Probe({"proxy_on_configure": [declare], "proxy_on_request_headers": calls}))
    assert outcome.failure is not None
    assert "Cluster is not known here; Envoy may have it" in outcome.failure.reason


def test_a_declaration_in_a_request_is_warned_about() -> None:
    declare = foreign("declare_property", declared("p", readonly=True))
    outcome = send(Probe({"proxy_on_request_headers": [declare]}))
    assert "property p is declared in a request's context" in outcome.warnings[0]


def test_all_filters_of_a_request_share_its_filter_state() -> None:
    state = FilterState()
    assert state.set_property(b"a", b"1", Prototype(readonly=True))
    assert not state.set_property(b"a", b"2", Prototype())
    assert state.names() == [b"wasm.a"]


def test_what_stays_with_a_connection_is_there_in_its_next_request() -> None:
    connection: dict[bytes, Any] = {}
    first = StreamInfo.begin(lambda: 0, connection).filter_state
    first.put(b"kept", EnvoyObject("1"), LifeSpan.CONNECTION)
    first.put(b"gone", EnvoyObject("2"), LifeSpan.REQUEST)
    second = StreamInfo.begin(lambda: 0, connection).filter_state
    assert second.get(b"kept") == EnvoyObject("1")
    assert second.get(b"gone") is None
    assert not second.put(b"kept", EnvoyObject("3"), LifeSpan.FILTER_CHAIN)


def test_what_no_type_stands_for_can_not_be_encoded() -> None:
    with pytest.raises(Unserialisable):
        encode(None)
