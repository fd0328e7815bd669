"""Filters through both engines: one that agrees, and one for each row of docs/FIDELITY.md."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import wasm_filters
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.arriving import SANITISED
from mini_mesh.differ.case import Case, make_case
from mini_mesh.differ.compare import Difference
from mini_mesh.differ.generate import generate
from mini_mesh.differ.known import KNOWN
from mini_mesh.differ.learn import learn
from mini_mesh.differ.run import Differ, Result
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.rig import Rig, open_rig
from tests.mini_mesh.filter_rig.guests import asking
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import CALLBACKS, Call, Out, Probe
from tests.wasm_filters.test_header_policy import POLICY, WASM
from wasm_filters.config import PluginConfig
from wasm_filters.module import Module

FIDELITY = Path(wasm_filters.__file__).parent.parent / "docs" / "FIDELITY.md"
COUNT = 60
REQUEST, TRAILERS, RESPONSE = 0, 1, 2
_add = "proxy_add_header_map_value"
_get = "proxy_get_property"
PLACES = (
    b"source.address",
    b"source.port",
    b"destination.address",
    b"xds.cluster_name",
    b"xds.route_name",
    b"xds.virtual_host_name",
    b"connection.id",
)
MANY = Headers(tuple((f"x-{letter}", letter) for letter in "abcdefgh"))
RANDOM = guest(
    on_request_headers(
        "(drop (call $random (i32.const 64) (i32.const 8)))"
        "(drop (call $log (i32.const 2) (i32.const 64) (i32.const 8)))"
    ),
    imports='(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
    '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))',
)
TICK = """(func (export "proxy_on_tick") (param i32)
  (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))"""


def post(answer: Response | None = None) -> Case:
    return make_case("", Request("POST", "/", "test", body=Body(b"hello")), answer)


def at(callback: str, *calls: Call) -> bytes:
    return Probe({callback: calls}).code()


def at_request(*calls: Call) -> bytes:
    return at("proxy_on_request_headers", *calls)


REPLY = at_request(Call("proxy_send_local_response", [403, b"", b"no", b"", -1]))
EXAMPLES = {
    "date": REPLY,
    "connection": REPLY,
    "framing": at_request(Call("proxy_remove_header_map_value", [REQUEST, b"content-length"])),
    "callout-headers": asking("auth"),
    "trailers-need-chunks": at(
        "proxy_on_request_body", Call(_add, [TRAILERS, b"x-t", b"1"], "made a trailer")
    ),
    "hop-by-hop": at("proxy_on_response_headers", Call(_add, [RESPONSE, b"upgrade", b"1"])),
    "wrong-content-length": at(
        "proxy_on_request_body", Call("proxy_set_buffer_bytes", [0, 0, 0, b"<"])
    ),
    "invalid-message": at_request(Call("proxy_remove_header_map_value", [REQUEST, b":path"])),
    "long-log": at_request(Call("proxy_log", [2, b"x" * 20_000])),
    "map-order": at("proxy_on_response_trailers", Call(_get, [b"response\0trailers", Out.TEXT])),
    "node-extensions": at_request(Call(_get, [b"xds\0node", Out.TEXT])),
    "wall-clock": at_request(Call("proxy_get_current_time_nanoseconds", [Out.LONG])),
    "randomness": RANDOM,
}
OTHERS = {
    "policy": WASM.read_bytes(),
    "plain": Probe({}).code(),
    "fields": at_request(Call("proxy_get_header_map_pairs", [REQUEST, Out.TEXT])),
    "where": at_request(
        *(Call(_get, [path.replace(b".", b"\0"), Out.TEXT], path.decode()) for path in PLACES)
    ),
    "counting": Probe(
        {
            "proxy_on_configure": [
                Call("proxy_define_metric", [0, b"seen", Out.NUMBER]),
                Call("proxy_increment_metric", [4, 5], long=frozenset({1})),
            ],
            "proxy_on_request_headers": [
                Call("proxy_increment_metric", [4, 1], long=frozenset({1}))
            ],
        }
    ).code(),
    "calling the upstream": asking("up"),
    "called back inside": Probe(
        {
            "proxy_on_request_headers": [Call("envoy_resolve_dns", [b"::1", Out.NUMBER])],
            "envoy_on_resolve_dns": [Call("proxy_get_buffer_bytes", [8, 0, 99, Out.TEXT])],
        },
        callbacks={**CALLBACKS, "envoy_on_resolve_dns": (3, False)},
    ).code(),
    "ticking": Probe(
        {"proxy_on_configure": [Call("proxy_set_tick_period_milliseconds", [1])]}, extra=TICK
    ).code(),
}


CHAIN = ("policy", "fields", "calling the upstream")


def config(name: str) -> PluginConfig:
    """With a vm_id, so that the same code in two chains does not share a VM."""
    configuration = json.dumps(POLICY).encode() if name == "policy" else b""
    return PluginConfig(name, configuration=configuration, vm_id=name)


class Engines:
    """Every filter in one rig, for tests that are no coroutines."""

    def __init__(self, runner: asyncio.Runner, rig: Rig) -> None:
        self.runner, self.rig = runner, rig

    def differ(self, name: str) -> Differ:
        modules = [Module.of(wasm.code) for wasm in self.rig.layout.chains[name]]
        return Differ(self.rig, name, modules)

    def run(self, name: str, *cases: Case) -> list[Result]:
        async def all_of_them() -> list[Result]:
            differ = self.differ(name)
            await differ.begin()
            return [*[await differ.run(case) for case in cases], await differ.metrics()]

        return self.runner.run(all_of_them())


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    envoy = needs_envoy()
    chains = {
        name: [WasmFilter(code, config(name))] for name, code in {**EXAMPLES, **OTHERS}.items()
    }
    chains["chain"] = [
        WasmFilter(OTHERS[name], replace(config(name), vm_id=f"in a chain {name}"))
        for name in CHAIN
    ]
    with asyncio.Runner() as runner:
        rig = open_rig(envoy, Layout(chains, ["auth"]), tmp_path_factory.mktemp("rig"))
        yield Engines(runner, runner.run(rig.__aenter__()))
        runner.run(rig.__aexit__(None, None, None))


def test_our_filter_agrees_on_whatever_is_sent(engines: Engines) -> None:
    words = learn([(Module.of(OTHERS["policy"]), config("policy"))])
    results = engines.run("policy", *generate(1, COUNT, words))
    assert [result.unexplained for result in results[:-1]] == [[]] * COUNT
    statuses = {result.case.request.method for result in results if result.case}
    assert len(statuses) > 4


@pytest.mark.parametrize("row", EXAMPLES)
def test_a_row_explains_what_nothing_else_does(engines: Engines, row: str) -> None:
    answer = Response(200, body=Body(b"ok"), trailers=MANY) if row == "map-order" else None
    result = engines.run(row, post(answer))[0]
    assert row in {each.known for each in result.differences}
    assert result.agrees


def test_what_envoy_refuses_is_no_difference(engines: Engines) -> None:
    result = engines.run("plain", make_case("", Request("FOO", "/", "test")))[0]
    assert {each.known for each in result.differences} >= {"refused-request"}
    assert result.agrees


def test_a_request_arrives_as_behind_the_connection_manager(engines: Engines) -> None:
    """What only Envoys may say is taken away, and nothing else."""
    given = [*SANITISED, "x-envoy-original-path", "x-envoy-attempt-count", "x-forwarded-for"]
    cases = [
        make_case("", Request("GET", "/", "test", headers=Headers(((name, value),))))
        for name, value in [
            *((name, "10.0.0.1") for name in given),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "ftp"),
        ]
    ]
    results = engines.run("fields", *cases)[:-1]
    assert [result.unexplained for result in results] == [[]] * len(cases)


def test_every_row_has_an_example() -> None:
    assert set(EXAMPLES) == set(KNOWN) - {"refused-request"}


def test_every_row_is_in_the_document_and_the_other_way_round() -> None:
    text = FIDELITY.read_text().partition("## Envoy and the spec")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert rows == list(KNOWN)


def test_the_same_places_are_around_both(engines: Engines) -> None:
    """Only the number of a connection is each engine's own."""
    result = engines.run("where", post())[0]
    assert result.agrees
    numbered = next(each for each in result.differences if each.known == "randomness")
    assert "connection.id" in (numbered.envoy or "")


def test_a_difference_without_a_reason_is_told_with_both_sides(engines: Engines) -> None:
    """Two builds of a filter, one in each engine."""
    header = Call(_add, [RESPONSE, b"x-build", b"2"])
    differ = Differ(engines.rig, "plain", [Module.of(at("proxy_on_response_headers", header))])
    result = engines.runner.run(differ.run(post()))
    found = [each for each in result.unexplained if each.place.startswith("response")]
    assert found == [Difference("response header x-build", "'2'", None)]
    (call,) = (each for each in result.unexplained if each.place.startswith("call"))
    assert call.here == f"{_add} in proxy_on_response_headers: 0"
    assert call.envoy == "proxy_on_log(): None"


def test_metrics_are_compared_as_they_moved(engines: Engines) -> None:
    """Envoy starts the filter three times, and counts all of them."""
    *_, metrics = engines.run("counting", post(), post())
    assert metrics.unexplained == []
    assert engines.runner.run(engines.rig.metrics())["seen"] == 3 * 5 + 2


def test_what_ticks_do_is_left_out(engines: Engines) -> None:
    results = engines.run("ticking", *[post()] * 5)
    assert [result.unexplained for result in results[:-1]] == [[]] * 5


def test_a_chain_agrees_on_whatever_is_sent(engines: Engines) -> None:
    """One after the other, each with the configuration of its own."""
    words = learn([(Module.of(OTHERS[name]), config(name)) for name in CHAIN])
    results = engines.run("chain", *generate(2, 20, words))
    assert [result.unexplained for result in results[:-1]] == [[]] * 20


def test_the_upstream_can_be_called_as_any_cluster(engines: Engines) -> None:
    """It gets the call first, then the request."""
    result = engines.run("calling the upstream", post())[0]
    assert result.unexplained == []
    added = [each for each in result.differences if each.known == "callout-headers"]
    assert {each.place.partition(" header")[0] for each in added} == {"upstream 1"}


def test_callbacks_inside_of_a_hostcall_are_compared(engines: Engines) -> None:
    assert engines.run("called back inside", post())[0].unexplained == []
