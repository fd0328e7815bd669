"""One Envoy, many filters and requests: what the rig sees of them is what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.client import Ending
from mini_mesh.filter_rig.config import UPSTREAM, Layout, WasmFilter
from mini_mesh.filter_rig.log import Logged, crossings, logged
from mini_mesh.filter_rig.rig import Exchanged, Rig, RigError, open_rig
from mini_mesh.filter_rig.upstream import Script
from tests.mini_mesh.filter_rig.guests import asking, data
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.config import FailurePolicy, PluginConfig

BUFFER = {"proxy_on_request_body": (1, 0), "proxy_on_response_body": (1, 0)}
CHUNKED = Headers.of({"transfer-encoding": "chunked"})
GET = Request(authority="test")
LOG_IMPORT = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'


def saying(text: bytes) -> bytes:
    """A filter that logs ``text``."""
    log = f"(drop (call $log (i32.const 3) (i32.const 64) (i32.const {len(text)})))"
    return guest(data(64, text), on_request_headers(log), imports=LOG_IMPORT)


counting = Probe(
    {
        "proxy_on_configure": [
            Call("proxy_define_metric", [0, b"seen", Out.NUMBER]),
            Call("proxy_define_metric", [1, b"level", Out.NUMBER]),
        ],
        "proxy_on_request_headers": [
            Call("proxy_increment_metric", [4, 2], long=frozenset({1})),
            Call("proxy_record_metric", [5, 7], long=frozenset({1})),
        ],
    }
)
settings = Probe(
    {
        "proxy_on_vm_start": [Call("proxy_get_buffer_bytes", [6, 0, 99, Out.TEXT], "vm")],
        "proxy_on_configure": [Call("proxy_get_buffer_bytes", [7, 0, 99, Out.TEXT], "plugin")],
        "proxy_on_request_headers": [
            Call("proxy_get_property", [b"plugin_name", Out.TEXT], "name"),
            Call("proxy_get_property", [b"plugin_root_id", Out.TEXT], "root"),
            Call("proxy_get_property", [b"plugin_vm_id", Out.TEXT], "vm"),
            Call("proxy_done", [], "not allowed"),
        ],
    }
)
ALLOWED = frozenset(
    ["proxy_log", "proxy_get_property", "proxy_get_buffer_bytes", "proxy_on_request_headers"]
    + [f"proxy_on_{name}" for name in ("context_create", "vm_start", "configure")]
)
plain = Probe({}).code()
LAYOUT = Layout(
    {
        "chain": [WasmFilter(plain, PluginConfig(name)) for name in ("first", "second")],
        "buffering": [WasmFilter(Probe({}, answers=BUFFER).code())],
        "pausing": [WasmFilter(guest(on_request_headers("", answer=1)))],
        "closing": [
            WasmFilter(
                guest(
                    on_request_headers("(drop (call $close (i32.const 0)))"),
                    imports='(import "env" "proxy_close_stream"'
                    " (func $close (param i32) (result i32)))",
                )
            )
        ],
        "asking": [WasmFilter(asking("auth"))],
        "asking_nobody": [WasmFilter(asking("dead"))],
        "saying": [WasmFilter(saying('"two"\nlines ✓ \\n'.encode()), PluginConfig("my: filter"))],
        "counting": [WasmFilter(counting.code())],
        "settings": [
            WasmFilter(
                settings.code(),
                PluginConfig(
                    "name",
                    "root",
                    b"of the \xff plugin",
                    "vm",
                    b"of the vm",
                    environment={"COLOUR": "blue"},
                    capabilities=ALLOWED,
                ),
            )
        ],
        "open": [
            WasmFilter(
                guest(on_request_headers("(unreachable)")),
                PluginConfig(failure_policy=FailurePolicy.FAIL_OPEN),
            )
        ],
        "opened": [
            WasmFilter(
                guest(on_request_headers("unreachable")),
                PluginConfig(failure_policy=FailurePolicy.LEGACY_FAIL_OPEN),
            )
        ],
    },
    clusters=["auth"],
    refusing=["dead"],
    buffer_limit=32 * 1024,
)


class Running:
    """The rig, for tests that are no coroutines."""

    def __init__(self, runner: asyncio.Runner, rig: Rig) -> None:
        self.runner, self.rig = runner, rig

    def __call__(
        self, chain: str, request: Request = GET, script: Script | None = None, **options: object
    ) -> Exchanged:
        if script is not None:
            options["answers"] = lambda message: script
        return self.runner.run(self.rig.exchange(chain, request, **options))  # type: ignore[arg-type] # options as they come


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    envoy = needs_envoy()
    with asyncio.Runner() as runner:
        rig = open_rig(envoy, LAYOUT, tmp_path_factory.mktemp("rig"))
        yield Running(runner, runner.run(rig.__aenter__()))
        runner.run(rig.__aexit__(None, None, None))


def post(body: bytes, *fields: tuple[str, str]) -> Request:
    headers = Headers.of([("content-length", str(len(body))), *fields])
    return Request("POST", "/", "test", headers=headers, body=Body(body))


def called(exchanged: Exchanged, name: str) -> list[tuple[int, ...]]:
    return [call.arguments[1:] for call in crossings(exchanged.lines) if call.name == name]


def test_a_request_goes_down_the_chain_and_its_response_back(send: Running) -> None:
    lines = [
        (said.prefix, said.message.split()[0])
        for said in logged(send("chain").lines, ["first", "second"])
        if "headers" in said.message
    ]
    assert lines == [
        ("first", "proxy_on_request_headers"),
        ("second", "proxy_on_request_headers"),
        ("second", "proxy_on_response_headers"),
        ("first", "proxy_on_response_headers"),
    ]


def test_both_ends_write_down_what_crosses_the_wire(send: Running) -> None:
    response = Response(299, Headers((("X-R", "é"), ("content-length", "2"))), Body(b"ok"))
    exchanged = send("chain", post(b"hello", ("X-A", "1"), ("x-a", "2")), Script(response))
    assert exchanged.received.ending is Ending.ANSWERED
    got = exchanged.received.message
    assert got is not None
    assert (got.status, got.body) == (299, b"ok")
    assert [field for field in got.headers if field[0] != "date"] == [
        ("x-r", "é"),
        ("content-length", "2"),
    ]
    (seen,) = exchanged.upstream
    assert seen.start == "POST / HTTP/1.1"
    assert list(seen.headers) == [
        ("host", "test"),
        ("content-length", "5"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x-forwarded-proto", "http"),
    ]
    assert (seen.body, seen.whole, exchanged.settled) == (b"hello", True, True)


def test_each_chunk_is_a_callback_of_its_own(send: Running) -> None:
    chunks = [b"a", b"bc", b"def"]
    script = Script(
        Response(200, Headers.of({"content-length": "6"}), Body(b"abcdef")), chunks=chunks
    )
    for chain, sizes in (("chain", [1, 2, 3, 0]), ("buffering", [1, 3, 6, 6])):
        exchanged = send(chain, post(b"abcdef"), script, chunks=chunks)
        expected = [(size, int(at == 3)) for at, size in enumerate(sizes)]
        times = len(LAYOUT.chains[chain])
        for name in ("proxy_on_request_body", "proxy_on_response_body"):
            assert sorted(called(exchanged, name)) == sorted(expected * times), (chain, name)


def test_trailers_cross_in_both_directions(send: Running) -> None:
    trailers = Headers.of({"x-t": "1"})
    request = Request("POST", "/", "test", "http", CHUNKED, Body(b"hello"), trailers)
    exchanged = send("chain", request, Script(Response(200, CHUNKED, Body(b"ok"), trailers)))
    assert exchanged.received.message is not None
    assert exchanged.received.message.trailers == trailers
    assert exchanged.upstream[0].trailers == trailers
    assert called(exchanged, "proxy_on_request_trailers") == [(1,), (1,)]


def test_a_filter_that_nobody_resumes_leaves_the_client_with_nothing(send: Running) -> None:
    exchanged = send("pausing", patience=0.1)
    assert (exchanged.received.ending, exchanged.received.message) == (Ending.NOTHING, None)
    assert exchanged.upstream == ()
    assert exchanged.settled


def test_a_reset_stream_closes_the_connection(send: Running) -> None:
    assert send("closing").received.ending is Ending.CLOSED


def test_a_callout_is_seen_and_answered(send: Running) -> None:
    exchanged = send("asking")
    assert exchanged.received.ending is Ending.ANSWERED
    (asked,) = exchanged.callouts["auth"]
    assert (asked.request.path, asked.request.authority) == ("/who", "a")


@pytest.mark.parametrize(
    ("chain", "script", "told"),
    [
        ("asking", Script(), (3, 0, 0)),
        ("asking", Script(delay=0.02), (3, 0, 0)),
        ("asking", Script(silent=True), (3, 24, 0)),  # a 504 of Envoy's, "upstream request timeout"
        ("asking", Script(Response(200, Headers())), (0, 0, 0)),  # reset in the middle
        ("asking_nobody", Script(), (3, 98, 0)),  # a 503 of Envoy's
    ],
)
def test_a_callout_may_be_late_or_fail(
    send: Running, chain: str, script: Script, told: tuple[int, int, int]
) -> None:
    """What the filter is told: how many fields, how many bytes, how many trailers."""
    exchanged = send(chain, answers={"auth": lambda message: script})
    assert exchanged.received.ending is Ending.ANSWERED
    ((_, *sizes),) = called(exchanged, "proxy_on_http_call_response")
    assert tuple(sizes) == told
    assert len(exchanged.callouts["auth"]) == (chain == "asking")


def test_each_upstream_can_be_told_what_to_answer(send: Running) -> None:
    script = Script(Response(418, Headers.of({"content-length": "0"})))
    exchanged = send("asking", answers={UPSTREAM: lambda message: script})
    assert exchanged.received.message is not None
    assert exchanged.received.message.status == 418


def test_a_log_line_is_what_the_filter_wrote(send: Running) -> None:
    assert logged(send("saying").lines, ["my: filter"]) == [
        Logged("my: filter", "warning", '"two"\nlines ✓ \\n')
    ]


def test_metrics_are_called_as_the_filter_called_them(send: Running) -> None:
    send("counting")
    send("counting")
    assert send.runner.run(send.rig.metrics()) == {"seen": 4, "level": 7}


def test_a_body_over_the_limit_is_refused_by_envoy(send: Running) -> None:
    exchanged = send("buffering", post(bytes(64 * 1024)))
    assert exchanged.received.message is not None
    assert exchanged.received.message.status == 413


def test_every_setting_reaches_the_filter(send: Running) -> None:
    prefix = "name root vm"
    lines = send("settings").lines
    said = [each.message for each in logged(lines, [prefix]) if "=" in each.message]
    assert said == [
        "request_headers name=0 name",
        "request_headers root=0 root",
        "request_headers vm=0 vm",
        "request_headers not allowed=10 ",
    ]
    started = [each.message for each in logged(send.rig.started, ["root vm"])]
    assert "vm_start vm=0 of the vm" in started
    assert "configure plugin=0 of the \\ff plugin" in started


def test_a_failure_policy_reaches_envoy(send: Running) -> None:
    statuses = [
        exchanged.received.message.status
        for chain in ("open", "open", "opened")
        if (exchanged := send(chain)).received.message
    ]
    assert statuses == [503, 200, 200]


async def test_a_refused_configuration_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    refusing = WasmFilter(
        Probe({}, answers={"proxy_on_configure": 0}).code(), PluginConfig("choosy")
    )
    with pytest.raises(RigError) as caught:
        async with open_rig(needs_envoy(), Layout({"chain": [refusing]}), tmp_path):
            pass
    assert "envoy: exited with 1 before it could be LIVE" in str(caught.value)
    assert "Unable to create Wasm plugin choosy" in str(caught.value)
