"""The oracle for chains: several filters, pauses, callouts, limits and dead VMs, here and in Envoy.

A scenario is a chain of probes, what each of them does in its callbacks, and a few requests. Equal
must be: what every filter logs, in one order; what the upstream and the called services see; what
the client gets. All scenarios share one Envoy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import mesh_traffic
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.client import Ending
from mini_mesh.filter_rig.config import UPSTREAM, Layout
from mini_mesh.filter_rig.config import WasmFilter as RigFilter
from mini_mesh.filter_rig.log import logged
from mini_mesh.filter_rig.rig import Exchanged, Rig, open_rig
from mini_mesh.filter_rig.upstream import Script
from mini_mesh.filter_rig.wire import Message
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import CALLBACKS, CALLED_BACK, LAST_STREAM, Call, Out, Probe
from wasm_filters.config import FailurePolicy, PluginConfig
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.services.upstream import NEVER, NO_ENDPOINTS, REFUSED, Answer
from wasm_filters.worker import Worker

LIMIT = 16 * 1024  # bytes a connection may buffer, in all scenarios
REQUEST, RESPONSE = 0, 1
GET = Request("GET", "/hello", "test", headers=Headers.of({"x-a": "1"}))
HEAD = mesh_traffic.replace(GET, method="HEAD")
ANSWER = Response(
    200,
    Headers.of({"content-length": "3", "date": "now", "server": "up", "x-r": "r1"}),
    Body(b"abc"),
)
CALLED = Response(
    201,
    Headers.of({"content-length": "2", "date": "now", "server": "s", "x-user": "bob"}),
    Body(b"ok"),
)
SERVICES = {
    "service": Answer(CALLED),
    "slow": Answer(CALLED, after=0.25),  # when all else that can happen has happened
    "silent": NEVER,
    "nobody": REFUSED,
    "empty": NO_ENDPOINTS,
}
IN_HEADERS, IN_BODY = "proxy_on_request_headers", "proxy_on_request_body"
IN_TRAILERS = "proxy_on_request_trailers"
BACK_HEADERS, BACK_BODY = "proxy_on_response_headers", "proxy_on_response_body"
IN_CALL, IN_LOG, IN_TICK = "proxy_on_http_call_response", "proxy_on_log", "proxy_on_tick"
IN_QUEUE = "proxy_on_queue_ready"
AT_START = "proxy_on_configure"


def post(body: bytes = b"0123456789", **trailers: str) -> Request:
    framing = {"transfer-encoding": "chunked"} if trailers else {"content-length": str(len(body))}
    headers = Headers.of({"x-a": "1", **framing})
    trailing = Headers.of({name.replace("_", "-"): value for name, value in trailers.items()})
    return Request("POST", "/hello", "test", headers=headers, body=Body(body), trailers=trailing)


def reply(status: int, body: bytes = b"no") -> Call:
    return Call("proxy_send_local_response", [status, b"", body, b"", -1], f"reply {status}")


def resumes(stream: int = REQUEST) -> Call:
    return Call("proxy_continue_stream", [stream], f"continue {stream}")


def closes(stream: int = REQUEST) -> Call:
    return Call("proxy_close_stream", [stream], f"close {stream}")


def calls_out(cluster: str = "service", timeout: int = 5000, body: bytes = b"") -> Call:
    fields = encode_pairs(
        [(b":method", b"POST"), (b":path", b"/check"), (b":authority", b"auth"), (b"x-q", b"1")]
    )
    arguments = [cluster.encode(), fields, body, b"", timeout, Out.NUMBER]
    return Call("proxy_http_call", arguments, f"call {cluster}")


def ticks(milliseconds: int) -> Call:
    return Call("proxy_set_tick_period_milliseconds", [milliseconds], f"tick {milliseconds}")


def effective() -> Call:
    return Call("proxy_set_effective_context", [LAST_STREAM], "effective")


def adds(kind: int, name: bytes = b"x-w", value: bytes = b"v") -> Call:
    return Call("proxy_add_header_map_value", [kind, name, value], f"add {kind}")


def gets(kind: int, name: bytes = b"x-w") -> Call:
    return Call("proxy_get_header_map_value", [kind, name, Out.TEXT], f"get {kind}")


def pairs_of(kind: int) -> Call:
    return Call("proxy_get_header_map_pairs", [kind, Out.TEXT], f"pairs {kind}")


def body(kind: int) -> Call:
    return Call("proxy_get_buffer_bytes", [kind, 0, 50, Out.TEXT], f"body {kind}")


def size(kind: int) -> Call:
    return Call("proxy_get_buffer_status", [kind, Out.NUMBER, 12], f"size {kind}")


def sets(kind: int, data: bytes) -> Call:
    return Call("proxy_set_buffer_bytes", [kind, 0, 0, data], f"prepend {kind}")


THE_CALL = [
    gets(6, b":status"),
    gets(6, b"content-type"),
    gets(6, b"content-length"),
    gets(6, b"x-user"),
    pairs_of(7),
    body(4),
    Call("proxy_get_status", [Out.NUMBER, 20, 24], "status"),
    Call("proxy_get_header_map_size", [6, Out.NUMBER], "size 6"),
    adds(6),
]


@dataclass(frozen=True)
class Part:
    """One filter of a chain: what it does and answers."""

    calls: Mapping[str, Sequence[Call]] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    traps: frozenset[str] = frozenset()
    policy: FailurePolicy = FailurePolicy.FAIL_CLOSED
    vm: str = ""  # parts of one scenario with the same one share a VM
    stops_at_headers: bool = False
    capabilities: frozenset[str] = frozenset()
    configuration: bytes = b"c"
    extra: str = ""


@dataclass(frozen=True)
class Scenario:
    parts: Sequence[Part]
    requests: Sequence[Request] = (GET,)
    chunks: tuple[int, ...] | None = None
    answer: Response = ANSWER


def _quiet(**more: Any) -> Part:
    return Part(**more)


_waits = {IN_HEADERS: 1}
_then_go_on = [effective(), resumes()]
_big = b"x" * (LIMIT * 2)
_halves = (10_000, 10_000, 10_000)
_TRAPPED = {
    f"{where}_{policy.value}": Scenario(
        [Part(), Part(traps=frozenset({where}), policy=policy), Part()], (post(), post())
    )
    for where in (IN_HEADERS, IN_BODY, BACK_HEADERS, BACK_BODY, IN_LOG, "proxy_on_context_create_")
    for policy in FailurePolicy
    if not where.endswith("_")
}
SCENARIOS: dict[str, Scenario] = {
    "two_idle": Scenario([Part(), Part()], (post(), GET)),
    "three_idle_with_trailers": Scenario([Part(), Part(), Part()], (post(x_t="1"),)),
    "reply_from_the_middle": Scenario(
        [Part(), Part({IN_HEADERS: [reply(403)]}), Part()], (GET, post())
    ),
    "reply_from_the_last_in_the_body": Scenario([Part(), Part({IN_BODY: [reply(403)]})], (post(),)),
    "reply_in_the_middle_of_the_response": Scenario(
        [Part(), Part({BACK_HEADERS: [reply(502)]}), Part()]
    ),
    "reply_in_the_response_body": Scenario([Part(), Part({BACK_BODY: [reply(502)]}), Part()]),
    "both_reply": Scenario([Part({BACK_HEADERS: [reply(500)]}), Part({IN_HEADERS: [reply(403)]})]),
    "close_from_the_middle": Scenario([Part(), Part({IN_HEADERS: [closes()]}), Part()]),
    "close_in_the_response": Scenario([Part(), Part({BACK_HEADERS: [closes(RESPONSE)]}), Part()]),
    "headers_are_changed_in_turn": Scenario(
        [
            Part({IN_HEADERS: [adds(0)], BACK_HEADERS: [gets(2), pairs_of(2)]}),
            Part({IN_HEADERS: [gets(0), pairs_of(0)], BACK_HEADERS: [adds(2)]}),
        ]
    ),
    "bodies_are_changed_in_turn": Scenario(
        [
            Part({IN_BODY: [sets(0, b"<")], BACK_BODY: [body(1)]}),
            Part({IN_BODY: [body(0)], BACK_BODY: [sets(1, b">")]}),
        ],
        (post(x_t="1"),),
        (4, 4),
        answer=mesh_traffic.replace(
            ANSWER, headers=Headers.of({"transfer-encoding": "chunked", "date": "d", "server": "s"})
        ),
    ),
    "the_first_buffers": Scenario(
        [Part({IN_BODY: [body(0)]}, {IN_BODY: (1, 0)}), Part({IN_BODY: [body(0)]})],
        (post(),),
        (3, 3),
    ),
    "the_second_buffers": Scenario(
        [Part({IN_BODY: [body(0)]}), Part({IN_BODY: [body(0)]}, {IN_BODY: (1, 0)})],
        (post(),),
        (3, 3),
    ),
    "both_buffer": Scenario(
        [Part({IN_BODY: [body(0)]}, {IN_BODY: (1, 0)}) for _ in range(2)], (post(),), (3, 3)
    ),
    "the_first_streams_the_second_buffers": Scenario(
        [
            Part({IN_BODY: [body(0)]}, {IN_BODY: (2, 0)}),
            Part({IN_BODY: [body(0)]}, {IN_BODY: (1, 0)}),
        ],
        (post(),),
        (3, 3),
    ),
    "the_first_drops": Scenario(
        [Part({IN_BODY: [body(0)]}, {IN_BODY: (3, 0)}), Part({IN_BODY: [body(0)]})],
        (post(x_t="1"),),
        (3, 3),
    ),
    "stops_at_headers_only": Scenario(
        [
            Part({IN_BODY: [body(0), gets(0, b"x-a")]}, _waits, stops_at_headers=True),
            Part({IN_BODY: [body(0)]}),
        ],
        (post(),),
        (3, 3),
    ),
    "made_trailers": Scenario(
        [
            Part({IN_BODY: [adds(1)], BACK_BODY: [gets(3)]}),
            Part({IN_TRAILERS: [pairs_of(1)], BACK_BODY: [adds(3)]}),
            Part({IN_TRAILERS: [pairs_of(1)]}),
        ],
        (post(),),
    ),
    "paused_for_good": Scenario([Part(), Part({}, _waits), Part()], (post(),)),
    "paused_in_the_body_for_good": Scenario([Part(), Part({}, {IN_BODY: (0, 1)})], (post(),)),
    "paused_in_the_trailers_for_good": Scenario(
        [Part(), Part({}, {IN_TRAILERS: 1})], (post(x_t="1"),)
    ),
    "paused_in_the_response_for_good": Scenario([Part(), Part({}, {BACK_HEADERS: 1})]),
    # callouts
    "a_call_that_is_waited_for": Scenario(
        [
            Part(),
            Part({IN_HEADERS: [calls_out()], IN_CALL: [*THE_CALL, *_then_go_on]}, _waits),
            Part(),
        ],
        (GET, post()),
    ),
    "a_call_whose_answer_is_used": Scenario(
        [
            Part(
                {
                    IN_HEADERS: [calls_out("slow", body=b"who?")],
                    IN_CALL: [effective(), adds(0, b"x-user", b"bob"), pairs_of(0), resumes()],
                },
                _waits,
            ),
            Part({IN_HEADERS: [pairs_of(0)]}),
        ],
        (post(),),
        (3, 3),
    ),
    "a_call_that_denies": Scenario(
        [
            Part(),
            Part({IN_HEADERS: [calls_out()], IN_CALL: [effective(), reply(401)]}, _waits),
            Part(),
        ],
        (GET, post()),
    ),
    "a_call_that_closes": Scenario(
        [Part({IN_HEADERS: [calls_out()], IN_CALL: [effective(), closes()]}, _waits)]
    ),
    "a_call_that_is_not_waited_for": Scenario(
        [Part({IN_HEADERS: [calls_out("slow")], IN_CALL: [*THE_CALL, effective()]})]
    ),
    "a_call_in_the_response": Scenario(
        [
            Part(
                {BACK_HEADERS: [calls_out()], IN_CALL: [effective(), adds(2), resumes(RESPONSE)]},
                {BACK_HEADERS: 1},
            ),
            Part(),
        ]
    ),
    "a_call_with_the_body": Scenario(
        [
            Part(
                {
                    IN_BODY: [calls_out("slow")],
                    IN_CALL: [effective(), body(0), sets(0, b"<"), body(0), resumes()],
                },
                {IN_BODY: (1, 1)},
            ),
            Part({IN_BODY: [body(0)]}),
        ],
        (post(x_t="1"),),
    ),
    "a_call_in_the_log": Scenario([Part({IN_LOG: [calls_out()], IN_CALL: THE_CALL})]),
    "two_calls": Scenario(
        [Part({IN_HEADERS: [calls_out(), calls_out("slow")], IN_CALL: _then_go_on}, _waits)]
    ),
    "both_call": Scenario(
        [
            Part({IN_HEADERS: [calls_out()], IN_CALL: _then_go_on}, _waits, vm=name)
            for name in ("one", "two")
        ],
        (post(),),
    ),
    "a_call_to_nobody": Scenario(
        [Part({IN_HEADERS: [calls_out("nobody")], IN_CALL: [*THE_CALL, *_then_go_on]}, _waits)]
    ),
    "a_call_where_no_endpoint_is": Scenario(
        [
            Part(
                {
                    IN_HEADERS: [calls_out("empty"), calls_out(), calls_out("empty")],
                    IN_CALL: _then_go_on,
                },
                _waits,
            )
        ]
    ),
    "calls_that_fail_take_no_number": Scenario(
        [
            Part(
                {
                    IN_HEADERS: [calls_out("unknown"), calls_out(timeout=0x8000_0000), calls_out()],
                    IN_CALL: _then_go_on,
                },
                _waits,
            )
        ]
    ),
    "a_call_that_times_out": Scenario(
        [Part({IN_HEADERS: [calls_out("silent", 50)], IN_CALL: [*THE_CALL, *_then_go_on]}, _waits)]
    ),
    "a_call_to_no_cluster": Scenario(
        [
            Part(
                {
                    IN_HEADERS: [
                        calls_out("unknown"),
                        calls_out(timeout=0x8000_0000),
                        Call(
                            "proxy_http_call",
                            [b"service", encode_pairs([(b":path", b"/")]), b"", b"", 9, Out.NUMBER],
                            "incomplete",
                        ),
                    ]
                }
            )
        ]
    ),
    "head": Scenario([Part({BACK_HEADERS: [pairs_of(2)]}), Part()], (HEAD,)),
    "head_becomes_get": Scenario(
        [Part({IN_HEADERS: [Call("proxy_replace_header_map_value", [0, b":method", b"GET"])]})],
        (HEAD,),
    ),
    "what_the_log_sees": Scenario(
        [Part({IN_LOG: [pairs_of(0), pairs_of(2), pairs_of(3), gets(2, b"transfer-encoding")]})],
        (post(),),
        answer=Response(
            200,
            Headers.of(
                {"transfer-encoding": "chunked", "connection": "keep-alive", "date": "d"}
                | {"server": "s", "keep-alive": "timeout=5"}
            ),
            Body(b"abc"),
            Headers.of({"x-t": "1"}),
        ),
    ),
    # ticks and queues
    "a_tick_resumes": Scenario(
        [Part({IN_HEADERS: [ticks(20)], IN_TICK: [ticks(0), *_then_go_on]}, _waits), Part()],
        (post(),),
    ),
    "a_tick_replies": Scenario(
        [Part({IN_HEADERS: [ticks(20)], IN_TICK: [ticks(0), effective(), reply(408)]}, _waits)]
    ),
    "a_queue_tells": Scenario(
        [
            Part(
                {
                    AT_START: [Call("proxy_register_shared_queue", [b"jobs", Out.NUMBER], "queue")],
                    IN_HEADERS: [
                        Call("proxy_enqueue_shared_queue", [1, b"a"], "enqueue"),
                        Call("proxy_enqueue_shared_queue", [1, b"b"], "enqueue"),
                    ],
                    IN_QUEUE: [
                        Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "dequeue"),
                        Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "dequeue"),
                        Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "dequeue"),
                    ],
                }
            )
        ]
    ),
    # resuming oneself
    "resumes_and_pauses": Scenario([Part({IN_HEADERS: [resumes()]}, _waits), Part()], (GET,)),
    "resumes_in_the_body": Scenario(
        [Part({IN_BODY: [resumes()]}, {IN_BODY: (1, 1)}), Part({IN_BODY: [body(0)]})], (post(),)
    ),
    # limits
    "too_much_is_buffered": Scenario(
        [Part(), Part({IN_BODY: [size(0)]}, {IN_BODY: (1, 0)}), Part()],
        (post(b"y" * 30_000),),
        _halves,
    ),
    "too_much_behind_paused_headers": Scenario(
        [Part(), Part({}, {IN_HEADERS: 3})], (post(b"y" * 30_000),), _halves
    ),
    "much_behind_paused_headers": Scenario(
        [
            Part({IN_HEADERS: [calls_out("slow")], IN_CALL: _then_go_on}, _waits),
            Part({IN_BODY: [size(0)]}),
        ],
        (post(b"y" * 12_000),),
        (10_000,),
    ),
    "too_much_of_a_response_is_buffered": Scenario(
        [Part(), Part({}, {BACK_BODY: (1, 0)}), Part()],
        answer=Response(
            200,
            Headers.of({"content-length": str(len(_big)), "date": "d", "server": "s"}),
            Body(_big),
        ),
        chunks=(LIMIT,),
    ),
    "too_much_behind_paused_response_headers": Scenario(
        [Part(), Part({}, {BACK_HEADERS: 3}), Part()],
        answer=Response(
            200,
            Headers.of({"content-length": str(len(_big)), "date": "d", "server": "s"}),
            Body(_big),
        ),
        chunks=(LIMIT,),
    ),
    "a_buffering_filter_behind_paused_headers": Scenario(
        [
            Part({IN_HEADERS: [calls_out("slow")], IN_CALL: _then_go_on}, _waits),
            Part({IN_BODY: [body(0)]}, {IN_BODY: (1, 0)}),
            Part({IN_BODY: [body(0)]}),
        ],
        (post(x_t="1"),),
        (3, 3),
    ),
    # one VM for several
    "two_plugins_on_one_vm": Scenario(
        [
            Part({AT_START: [gets(0)]}, vm="shared", configuration=b"one"),
            Part(vm="shared", configuration=b"two"),
        ],
        (GET,),
    ),
    "the_same_plugin_twice": Scenario([Part(vm="shared"), Part(vm="shared")], (GET,)),
    **_TRAPPED,
}


class Pair:
    """A scenario's requests in both engines."""

    def __init__(
        self, here: list[Outcome], start: list[str], envoy: list[Exchanged], names: list[str]
    ) -> None:
        self.here = here
        self.here_start = start
        self.envoy = envoy
        self.names = names


def _code(name: str, at: int, part: Part) -> bytes:
    """Another module for each scenario and part, unless parts are to share a VM."""
    own = part.vm or f"part_{at}"
    mark = f'(func (export "{name}_{own}"))'
    more = [name for name in (IN_CALL, IN_TICK, IN_QUEUE) if name in part.calls]
    callbacks = {**CALLBACKS, **{name: CALLED_BACK[name] for name in more}}
    return Probe(
        part.calls, part.answers, callbacks, traps=part.traps, extra=part.extra + mark
    ).code()


def _config(name: str, at: int, part: Part) -> PluginConfig:
    return PluginConfig(
        f"{name}-{at}",
        configuration=part.configuration,
        failure_policy=part.policy,
        stops_at_headers=part.stops_at_headers,
        capabilities=part.capabilities,
    )


def _here(name: str, scenario: Scenario) -> tuple[list[Outcome], list[str]]:
    worker = Worker(clusters={name: lambda request, a=a: a for name, a in SERVICES.items()})
    modules: dict[bytes, Module] = {}
    plugins = []
    for at, part in enumerate(scenario.parts):
        code = _code(name, at, part)
        module = modules.setdefault(code, Module.of(code))
        plugins.append(worker.plugin(module, _config(name, at, part)))
    start = [log.message for log in worker.journal.logs]
    worker.journal.logs.clear()
    chain = HttpChain(worker, plugins, LIMIT)
    outcomes = []
    for request in scenario.requests:
        given = _as_envoy_has_it(request)
        outcome = chain.handle(given, lambda r: scenario.answer, scenario.chunks)
        worker.advance(5)  # late answers come, and VMs are older than their back-off
        late = tuple(worker.journal.logs)
        worker.journal.logs.clear()
        outcomes.append(replace(outcome, logs=outcome.logs + late))
    return outcomes, start


def _as_envoy_has_it(request: Request) -> Request:
    """With what the connection manager adds before the filters."""
    return mesh_traffic.replace(request, headers=request.headers.added("x-forwarded-proto", "http"))


def _script(answer: Answer) -> Script:
    if answer.response is None:
        return Script(silent=True)
    return Script(answer.response, delay=answer.after)


async def _really(rig: Rig, rig_started: float, name: str, scenario: Scenario) -> list[Exchanged]:
    def answers(what: Answer) -> Any:
        return lambda message: _script(what)

    scripts = {cluster: answers(answer) for cluster, answer in SERVICES.items()}
    scripts[UPSTREAM] = answers(Answer(scenario.answer))
    exchanged = []
    if any(part.policy is FailurePolicy.FAIL_RELOAD for part in scenario.parts):
        await asyncio.sleep(max(0, rig_started + RELOADS_AFTER - time.monotonic()))
    for request in scenario.requests:
        chunks = None
        if scenario.chunks is not None:
            chunks = [bytes(one) for one in _cut(request.body.data, scenario.chunks)]
        exchanged.append(await rig.exchange(name, request, scripts, chunks, PATIENCE))
    return exchanged


RELOADS_AFTER = 1.6  # seconds: the back-off of 1 s and Envoy's jitter
PATIENCE = 0.8  # seconds; what is paused for good is waited for as long


def _cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    pieces, at = [], 0
    for each in sizes:
        pieces.append(data[at : at + each])
        at += each
    return [piece for piece in [*pieces, data[at:]] if piece]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    envoy, folder = needs_envoy(), tmp_path_factory.mktemp("envoy")
    chains = {
        name: [
            RigFilter(_code(name, at, part), _config(name, at, part))
            for at, part in enumerate(scenario.parts)
        ]
        for name, scenario in SCENARIOS.items()
    }
    layout = Layout(
        chains, ["service", "slow", "silent"], ["nobody"], buffer_limit=LIMIT, empty=["empty"]
    )

    async def all_of_them() -> dict[str, Pair]:
        found = {}
        async with open_rig(envoy, layout, folder) as rig:
            started = time.monotonic()
            for name, scenario in SCENARIOS.items():
                outcomes, start = _here(name, scenario)
                names = [one.config.name for one in chains[name]]
                found[name] = Pair(
                    outcomes, start, await _really(rig, started, name, scenario), names
                )
        return found

    return asyncio.run(all_of_them())


def _logs_here(outcomes: list[Outcome]) -> list[str]:
    return [log.message for outcome in outcomes for log in outcome.logs]


def _logs_there(pair: Pair) -> list[str]:
    lines = [line for exchanged in pair.envoy for line in exchanged.lines]
    return [said.message for said in logged(lines, pair.names)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_filters_of_a_chain_see_the_same_here_and_in_envoy(
    pairs: dict[str, Pair], name: str
) -> None:
    assert _logs_here(pairs[name].here) == _logs_there(pairs[name])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_upstream_gets_the_same(pairs: dict[str, Pair], name: str) -> None:
    for here, there in zip(pairs[name].here, pairs[name].envoy, strict=True):
        seen = [message for message in there.upstream if message.whole]
        if here.request is None:
            assert not seen
            continue
        (message,) = seen
        assert (message.headers.get("host"), message.body) == (
            here.request.authority,
            here.request.body.data,
        )
        framing = ("host", "transfer-encoding", "content-length")
        assert _others(message.headers, framing) == _others(here.request.headers, framing)
        if "transfer-encoding" in message.headers:
            assert message.trailers == here.request.trailers


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_client_gets_the_same(pairs: dict[str, Pair], name: str) -> None:
    for here, there in zip(pairs[name].here, pairs[name].envoy, strict=True):
        received = there.received
        if here.response is None:
            expected = Ending.NOTHING if here.paused else Ending.CLOSED
            assert received.ending is expected
            continue
        assert received.ending is Ending.ANSWERED
        assert received.message is not None
        assert (received.message.status, received.message.body) == (
            here.status,
            here.response.body.data,
        )
        added = ("date", "connection", "content-length", "transfer-encoding")
        assert _others(received.message.headers, added) == _others(here.response.headers, added)


@pytest.mark.parametrize("name", SCENARIOS)
def test_called_services_get_the_same(pairs: dict[str, Pair], name: str) -> None:
    for here, there in zip(pairs[name].here, pairs[name].envoy, strict=True):
        called = [one for one in here.callouts if one.cluster != "nobody"]
        seen: list[Message] = [one for each in there.callouts.values() for one in each]
        assert [one.request.path for one in called] == [one.start.split(" ")[1] for one in seen]
        for callout, message in zip(called, seen, strict=True):
            assert message.body == callout.request.body.data
            wanted = _others(callout.request.headers, ())
            assert _others(message.headers, ADDED_TO_CALLS) == _others(wanted, ADDED_TO_CALLS)


ADDED_TO_CALLS = (
    "host",
    "transfer-encoding",
    "x-envoy-internal",
    "x-forwarded-for",
    "x-envoy-expected-rq-timeout-ms",
    "content-length",
)


def _others(fields: Headers | Sequence[tuple[str, str]], names: Sequence[str]) -> Headers:
    return Headers.of(field for field in fields if field[0].lower() not in names)
