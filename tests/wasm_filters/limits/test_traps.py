"""A trap or an endless loop in any callback: one failure with its name, and the host lives on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.abi import CALLBACKS, AbiVersion
from wasm_filters.config import FailurePolicy, PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.errors import DeadlineExceeded, GuestTrapped, PluginError, WasmError
from wasm_filters.filter import Filter
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.plugin import Plugin
from wasm_filters.services.grpc_calls import frame
from wasm_filters.services.upstream import Answer
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.worker import Worker

TRAP = "(unreachable)"
LOOP = "(loop $l (br $l))"
POST = Request("POST", "/", "a", body=Body(b"ab"), trailers=Headers.of({"x-t": "1"}))
FIELDS = encode_pairs([(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")])
ASK: list[Call | str] = [Call("proxy_http_call", [b"up", FIELDS, b"", b"", 0, Out.NUMBER])]
TAIL: list[Call | str] = [
    Call("proxy_grpc_stream", [b"grpc", b"S", b"M", b"", Out.NUMBER]),
    Call("proxy_grpc_send", [6, b"x", 1]),
]
ON_STREAM = (
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
)
ON_CONNECTION = (
    "proxy_on_new_connection",
    "proxy_on_downstream_data",
    "proxy_on_upstream_data",
    "proxy_on_downstream_connection_close",
    "proxy_on_upstream_connection_close",
)
AT_START = ("proxy_on_vm_start", "proxy_on_configure")
ON_ROOT = (
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_grpc_close",
    "proxy_on_foreign_function",
)
NOT_CALLED = {  # by any Envoy extension, or here
    "proxy_validate_configuration",
    "proxy_on_request_metadata",
    "proxy_on_response_metadata",
    "envoy_on_stats_update",
    "envoy_on_resolve_dns",
}


def upstream(request: Request) -> Response:
    return Response(200, body=Body(b"cd"), trailers=Headers.of({"x-u": "1"}))


def grpc(request: Request) -> Response:
    return Response(200, body=Body(frame(b"x")), trailers=Headers.of({"grpc-status": "0"}))


class World:
    """A worker with the plugin under test and a healthy one beside it."""

    def __init__(
        self,
        script: Script,
        policy: FailurePolicy = FailurePolicy.FAIL_CLOSED,
        deadline: float = 5.0,
    ) -> None:
        clusters = {"up": upstream, "grpc": grpc}
        self.worker = Worker(clusters=clusters, limits=Limits(deadline=deadline))
        healthy = self.worker.plugin(Module.of(Script({"proxy_on_log": []}).code()))
        self.healthy = HttpChain(self.worker, [healthy])
        config = PluginConfig(failure_policy=policy)
        self.plugin: Plugin = self.worker.plugin(Module.of(script.code()), config)
        self.chain = HttpChain(self.worker, [self.plugin])

    @property
    def failure(self) -> WasmError | None:
        return self.plugin.machine.failure

    def lives_on(self) -> None:
        """The dead plugin fails closed, at once; the other one works."""
        assert self.chain.handle(POST, upstream).status == 503
        assert self.healthy.handle(POST, upstream).status == 200
        self.worker.advance(10)


def test_every_callback_of_the_abi_is_tried_here() -> None:
    tried = {*ON_STREAM, *ON_CONNECTION, *AT_START, *ON_ROOT, *NOT_CALLED}
    callbacks = {name for name in CALLBACKS[AbiVersion.V0_2_1] if "_on_" in name}
    assert callbacks - tried == {"proxy_on_memory_allocate"}


@pytest.mark.parametrize("name", ON_STREAM)
def test_a_trap_in_a_callback_of_a_request(name: str) -> None:
    trap = "(if (local.get $a1) (then (unreachable)))" if name.endswith("create") else TRAP
    world = World(Script({name: [trap]}))
    world.chain.handle(POST, upstream)
    assert isinstance(world.failure, GuestTrapped)
    assert str(world.failure).startswith(f"{name}: trapped: wasm `unreachable`")
    world.lives_on()


@pytest.mark.parametrize("name", ON_CONNECTION)
def test_a_trap_in_a_callback_of_a_connection(name: str) -> None:
    world = World(Script({name: [TRAP]}))
    client = TcpChain(world.worker, [world.plugin]).connect()
    client.from_client(b"x")
    client.from_upstream(b"y", ends=True)
    client.client_resets()
    assert str(world.failure).startswith(f"{name}: trapped")
    world.lives_on()


def drive(name: str, trap: str, deadline: float = 5.0) -> World:
    """A plugin whose root context is called back, and does ``trap`` then."""
    calls: dict[str, list[Call | str]] = {name: [trap]}
    if name == "proxy_on_queue_ready":
        calls["proxy_on_configure"] = [Call("proxy_register_shared_queue", [b"q", Out.NUMBER])]
        calls["proxy_on_log"] = [Call("proxy_enqueue_shared_queue", [1, b"x"])]
    else:
        calls["proxy_on_configure"] = [Call("proxy_set_tick_period_milliseconds", [100])]
        calls["proxy_on_log"] = ASK if "http_call" in name else TAIL
    world = World(Script(calls), deadline=deadline)
    assert world.chain.handle(POST, upstream).status == 200
    world.plugin.foreign_function(1, b"x")
    world.worker.advance(1)
    return world


@pytest.mark.parametrize("name", ON_ROOT)
def test_a_trap_in_a_callback_of_the_root_context(name: str) -> None:
    world = drive(name, TRAP)
    assert str(world.failure).startswith(f"{name}: trapped")
    world.lives_on()


@pytest.mark.parametrize("name", ["proxy_on_tick", "proxy_on_http_call_response"])
def test_an_endless_loop_in_a_callback_of_the_root_context(name: str) -> None:
    world = drive(name, LOOP, deadline=0.05)
    assert isinstance(world.failure, DeadlineExceeded)
    assert str(world.failure).startswith(f"{name}: ran longer than 0.05 s")
    world.lives_on()


@pytest.mark.parametrize("name", ["proxy_on_log", "proxy_on_done", "proxy_on_delete"])
def test_an_endless_loop_at_the_end_of_a_request(name: str) -> None:
    world = World(Script({name: [LOOP]}), deadline=0.05)
    assert world.chain.handle(POST, upstream).status == 200
    assert isinstance(world.failure, DeadlineExceeded)
    world.lives_on()


@pytest.mark.parametrize("name", AT_START)
def test_a_trap_while_a_plugin_starts(name: str) -> None:
    with pytest.raises(GuestTrapped, match=f"{name}: trapped"):
        World(Script({name: [TRAP]}))


def test_a_trap_when_the_root_context_is_made() -> None:
    with pytest.raises(GuestTrapped, match="proxy_on_context_create: trapped"):
        World(Script({"proxy_on_context_create": [TRAP]}))


@pytest.mark.parametrize("name", ["proxy_on_done", "proxy_on_delete"])
def test_a_trap_while_a_root_context_ends(name: str) -> None:
    calls = {name: ["(if (i32.eq (local.get $a0) (i32.const 1)) (then (unreachable)))"]}
    world = World(Script(calls))
    world.plugin.shut_down()
    assert str(world.failure).startswith(f"{name}: trapped")


def test_a_module_that_dies_again_when_it_is_loaded_again() -> None:
    """Shared data outlive the VM, so the second start can tell that it is one."""
    seen = [
        Call("proxy_get_shared_data", [b"started", Out.TEXT, Out.NUMBER]),
        "(if (i32.load (i32.const 4)) (then (unreachable)))",
        Call("proxy_set_shared_data", [b"started", b"yes", 0]),
    ]
    world = World(
        Script({"proxy_on_configure": seen, "proxy_on_log": [TRAP]}), FailurePolicy.FAIL_RELOAD
    )
    assert world.chain.handle(POST, upstream).status == 200
    world.worker.advance(2)
    outcome = world.chain.handle(POST, upstream)
    assert outcome.status == 503
    assert "the plugin could not be loaded again: proxy_on_configure: trapped" in str(
        outcome.warnings
    )


def test_a_plugin_that_refuses_when_it_is_loaded_again_is_not_called() -> None:
    seen = [
        Call("proxy_get_shared_data", [b"started", Out.TEXT, Out.NUMBER]),
        "(if (i32.load (i32.const 4)) (then (return (i32.const 0))))",
        Call("proxy_set_shared_data", [b"started", b"yes", 0]),
    ]
    script = Script({"proxy_on_configure": seen, "proxy_on_log": [TRAP]})
    world = World(script, FailurePolicy.FAIL_RELOAD)
    world.chain.handle(POST, upstream)
    for _ in range(2):
        world.worker.advance(2)
        outcome = world.chain.handle(POST, upstream)
        assert (outcome.status, outcome.hostcalls) == (503, 0)
        assert isinstance(outcome.failure, GuestTrapped)


def test_a_plugin_that_was_refused_is_asked_again_by_whoever_makes_it_again() -> None:
    worker = Worker()
    module = Module.of(Script({"proxy_on_configure": []}, {"proxy_on_configure": 0}).code())
    for _ in range(2):
        with pytest.raises(PluginError, match="proxy_on_configure refused the configuration"):
            worker.plugin(module)


def test_an_answer_that_comes_when_the_vm_is_dead_is_told_to_nobody() -> None:
    script = Script({"proxy_on_request_headers": ASK, "proxy_on_log": [TRAP]})
    worker = Worker(clusters={"up": lambda request: Answer(Response(200), after=1)})
    filter_ = Filter(Module.of(script.code()), worker=worker)
    filter_.handle(POST)
    worker.advance(5)
    assert str(filter_.plugin.machine.failure).startswith("proxy_on_log: trapped")


def test_the_trap_of_one_plugin_leaves_a_request_through_another_alone() -> None:
    """Two modules in one chain; the second dies in the response, on its way through both."""
    worker = Worker()
    dying = worker.plugin(Module.of(Script({"proxy_on_response_headers": [TRAP]}).code()))
    logs = Script({"proxy_on_log": [Call("proxy_log", [2, b"logged"])]})
    living = worker.plugin(Module.of(logs.code()))
    outcome = HttpChain(worker, [living, dying]).handle(POST, upstream)
    assert outcome.status == 503
    assert [log.message for log in outcome.logs] == ["logged"]


@pytest.mark.parametrize("make", [lambda: TRAP, lambda: LOOP])
def test_nothing_of_a_dead_vm_is_waited_for(make: Callable[[], str]) -> None:
    script = Script(
        {"proxy_on_configure": [Call("proxy_set_tick_period_milliseconds", [1])]}
        | {"proxy_on_tick": [make()]}
    )
    world = World(script, deadline=0.05)
    world.worker.advance(0.5)
    assert world.failure is not None
    world.lives_on()
