"""What a filter can make grow, one test each: it ends at a bound with a name, and says so."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from mesh_traffic import Body, Request, Response
from tests.wasm_filters.guests import MARKER, wat
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.abi import Status
from wasm_filters.config import Mode
from wasm_filters.engine.border import Limits
from wasm_filters.errors import HostcallRefused, ModuleError
from wasm_filters.filter import Filter
from wasm_filters.hostcalls import HOSTCALLS, WASI
from wasm_filters.http.outcome import Outcome
from wasm_filters.http.plugin_filter import MAX_CONTEXTS
from wasm_filters.loop import FakeClock, Loop
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.properties import filter_state
from wasm_filters.services import callouts
from wasm_filters.services.grpc_service import Target
from wasm_filters.state import buffer, header_map, host, metrics, shared
from wasm_filters.tracing.changes import MAX_WATCHED
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

MIB = 1 << 20
POST = Request("POST", body=Body(b"x"))
KINDS = {"i": "i32", "I": "i64"}


def escaped(data: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in data)


def repeated(
    name: str,
    words: list[int | str],
    count: int,
    callback: str = "headers",
    data: Mapping[int, bytes] | None = None,
) -> bytes:
    """A filter that makes one hostcall ``count`` times in a callback of the request, with the
    round as the four bytes at address 0. It counts what is not OK, and adds that to its path."""
    call = HOSTCALLS.get(name) or WASI[name]
    module = "env" if name in HOSTCALLS else "wasi_snapshot_preview1"
    params = call.signature.params
    shown = " ".join(KINDS[kind] for kind in params)
    arguments = " ".join(
        word if isinstance(word, str) else f"({KINDS[kind]}.const {word})"
        for kind, word in zip(params, words, strict=True)
    )
    segments = "".join(
        f'(data (i32.const {at}) "{escaped(some)}")' for at, some in (data or {}).items()
    )
    return wat(f"""(module
      (import "{module}" "{name}" (func $call (param {shown}) (result i32)))
      (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
      (memory (export "memory") 300) {MARKER} {segments}
      (global $i (mut i32) (i32.const 0)) (global $failed (mut i32) (i32.const 0))
      (func (export "malloc") (param i32) (result i32) (i32.const 2097152))
      (func (export "proxy_on_request_{callback}") (param i32 i32 i32) (result i32)
        (loop $next
          (global.set $i (i32.add (global.get $i) (i32.const 1)))
          (i32.store (i32.const 0) (global.get $i))
          (global.set $failed (i32.add (global.get $failed) (i32.ne (i32.const 0)
            (call $call {arguments}))))
          (br_if $next (i32.lt_u (global.get $i) (i32.const {count}))))
        (i32.store (i32.const 0) (global.get $failed))
        (drop (call $log (i32.const 2) (i32.const 0) (i32.const 4)))
        (i32.const 0)))""")


def run(code: bytes, limits: Limits | None = None, worker: Worker | None = None) -> Outcome:
    worker = worker or Worker(limits=limits or Limits())
    return Filter(Module.of(code), worker=worker).handle(POST, chunk_size=1)


def failed(outcome: Outcome) -> int:
    """How many of the calls were not OK."""
    assert outcome.failure is None
    said = [log.message for log in outcome.logs][-1]
    return int.from_bytes(said.encode("latin-1"), "little")


def test_bytes_handed_over_in_one_callback() -> None:
    code = repeated("proxy_set_shared_data", [0, 4, 0, MIB, 0], 40)
    failure = run(code, Limits(handed_over=32 * MIB)).failure
    assert isinstance(failure, HostcallRefused)
    assert "more bytes were handed over in one callback than the limit allows" in str(failure)


def test_bytes_handed_over_are_counted_anew_in_each_callback() -> None:
    code = repeated("proxy_set_shared_data", [0, 4, 0, MIB, 0], 20)
    filter_ = Filter(Module.of(code), worker=Worker(limits=Limits(handed_over=32 * MIB)))
    for _ in range(3):
        assert filter_.handle(POST).failure is None


def test_a_tracer_does_not_use_up_what_a_filter_may_hand_over() -> None:
    code = repeated("proxy_set_shared_data", [0, 4, 0, MIB, 0], 20)
    worker = Worker(limits=Limits(handed_over=32 * MIB), listener=Trace())
    assert run(code, worker=worker).failure is None


def test_shared_data() -> None:
    size = shared.MAX_BYTES // 16
    state = shared.SharedState()
    answers = [state.set("", b"%d" % key, b"v" * size, 0) for key in range(17)]
    assert answers == [Status.OK] * 15 + [Status.INTERNAL_FAILURE] * 2
    assert state.set("", b"0", b"", 0) is Status.OK  # smaller is always possible
    assert state.set("", b"16", b"v" * size, 0) is Status.OK


def test_keys_of_shared_data() -> None:
    code = repeated("proxy_set_shared_data", [0, 4, 0, 0, 0], shared.MAX_KEYS + 7)
    assert failed(run(code)) == 7


def test_queues() -> None:
    outcome = run(repeated("proxy_register_shared_queue", [0, 4, 64], shared.MAX_QUEUES + 3))
    assert failed(outcome) == 3
    assert f"there are {shared.MAX_QUEUES} queues already" in outcome.warnings[0]


def test_items_of_a_queue() -> None:
    worker = Worker()
    worker.shared.register("", b"q", lambda queue: None)
    outcome = run(
        repeated("proxy_enqueue_shared_queue", [1, 0, 4], shared.MAX_QUEUED + 5), worker=worker
    )
    assert failed(outcome) == 5
    assert outcome.warnings == ("proxy_on_request_headers: queue 1 is full",)


def test_bytes_of_queues() -> None:
    state = shared.SharedState()
    state.register("", b"q", lambda queue: None)
    item = b"i" * (shared.MAX_BYTES // 4)
    assert [state.enqueue(1, item) for _ in range(5)] == [Status.OK] * 4 + [Status.INTERNAL_FAILURE]
    assert state.dequeue(1) == item
    assert state.enqueue(1, item) is Status.OK


def test_a_queue_that_is_filled_whenever_it_is_ready() -> None:
    """For ever, at one moment of time: the loop gives up."""
    script = Script(
        {
            "proxy_on_configure": [Call("proxy_register_shared_queue", [b"q", Out.NUMBER])],
            "proxy_on_request_headers": [Call("proxy_enqueue_shared_queue", [1, b"x"])],
            "proxy_on_queue_ready": [Call("proxy_enqueue_shared_queue", [1, b"x"])],
        }
    )
    worker = Worker()
    worker.loop = Loop(worker.clock, worker.journal.warn, max_steps=500)
    outcome = run(script.code(), worker=worker)
    assert outcome.status == 200
    assert "waiting was given up after 500 steps, and more is due" in outcome.warnings


def test_properties_of_a_request() -> None:
    outcome = run(repeated("proxy_set_property", [0, 4, 0, 0], filter_state.MAX_OBJECTS + 9))
    assert failed(outcome) == 9
    assert "more properties were set on one stream than this host keeps" in outcome.warnings[0]


def test_bytes_of_properties() -> None:
    state = filter_state.FilterState()
    half = b"v" * (filter_state.MAX_BYTES // 2 - 1)
    assert [state.has_room(b"a", half) for _ in range(3)] == [True, True, False]


def test_metrics() -> None:
    assert failed(run(repeated("proxy_define_metric", [0, 0, 4, 64], metrics.MAX_METRICS + 2))) == 2


def test_the_name_of_a_metric() -> None:
    assert failed(run(repeated("proxy_define_metric", [0, 0, metrics.MAX_NAME + 1, 64], 3))) == 3


def test_fields() -> None:
    size = header_map.MAX_BYTES // 8
    outcome = run(repeated("proxy_add_header_map_value", [0, 0, 4, 64, size], 10))
    assert failed(outcome) == 3
    assert f"more than {header_map.MAX_BYTES} bytes of fields in one map" in outcome.warnings[0]


def test_fields_that_are_replaced_do_not_add_up() -> None:
    size = header_map.MAX_BYTES // 8
    outcome = run(repeated("proxy_replace_header_map_value", [0, 64, 4, 64, size], 30))
    assert failed(outcome) == 0


def test_a_body() -> None:
    body = buffer.Buffer(mutable=True)
    half = b"b" * (buffer.MAX_BYTES // 2)
    assert body.replace(0, 0, half) is Status.OK
    assert body.replace(0, 0, half) is Status.OK
    assert body.replace(0, 0, b"1") is Status.INTERNAL_FAILURE
    assert body.splice(5, 0, b"1") is Status.INTERNAL_FAILURE


def test_a_log_message() -> None:
    outcome = run(repeated("proxy_log", [2, 0, 16 * MIB], 100))
    assert failed(outcome) == 0
    assert {len(log.message) for log in outcome.logs} == {host.MAX_LOG_BYTES, 4}


def test_log_messages() -> None:
    worker = Worker()
    outcome = run(repeated("proxy_log", [2, 0, 4], host.MAX_LOGS + 10), worker=worker)
    assert len(outcome.logs) == host.MAX_LOGS
    assert worker.journal.logs_lost == 11


def test_what_is_written_to_stdout_piece_by_piece() -> None:
    """A thousand pieces, each the same 16 MiB."""
    pieces = """(loop $fill
      (i32.store (i32.add (i32.const 2048) (i32.mul (local.get $p) (i32.const 8))) (i32.const 0))
      (i32.store (i32.add (i32.const 2052) (i32.mul (local.get $p) (i32.const 8)))
        (i32.const 16777216))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $p) (i32.const 100))))"""
    script = Script(
        {"proxy_on_request_headers": [Call("fd_write", [1, 2048, 100, Out.NUMBER])]},
        extra='(func (export "_start") (local $p i32)'
        f" (drop (memory.grow (i32.const 300))) {pieces})",
    )
    outcome = run(script.code())
    assert [len(log.message) for log in outcome.logs] == [host.MAX_LOG_BYTES]


def test_a_warning_that_repeats_what_a_filter_says() -> None:
    name = b"c" * 100_000
    fields = encode_pairs([(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")])
    call = Call("proxy_http_call", [name, fields, b"", b"", 0, Out.NUMBER])
    (warning,) = run(Script({"proxy_on_request_headers": [call]}).code()).warnings
    assert len(warning) == host.MAX_WARNING + 1


FIELDS = encode_pairs([(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")])
CALL_DATA = {64: b"up", 128: FIELDS}


def test_calls_that_wait_for_their_answer() -> None:
    words: list[int | str] = [64, 2, 128, len(FIELDS), 0, 0, 0, 0, 0, 72]
    code = repeated("proxy_http_call", words, callouts.MAX_PENDING + 4, data=CALL_DATA)
    worker = Worker(clusters={"up": lambda request: Response(200)})
    assert failed(run(code, worker=worker)) == 4
    worker.advance(1)
    assert worker.callouts.pending == 0
    assert len(worker.callouts.made) == callouts.MAX_KEPT


def test_bodies_of_calls_that_are_remembered() -> None:
    words: list[int | str] = [64, 2, 128, len(FIELDS), 0, MIB, 0, 0, 0, 72]
    worker = Worker(clusters={"up": lambda request: Response(200)})
    outcome = run(repeated("proxy_http_call", words, 2, data=CALL_DATA), worker=worker)
    body = outcome.callouts[0].request.body
    assert (len(body.data), body.truncated, body.size) == (callouts.MAX_KEPT_BODY, True, MIB)


def test_grpc_streams_that_are_open() -> None:
    words: list[int | str] = [64, 2, 64, 2, 64, 2, 0, 0, 72]
    code = repeated("proxy_grpc_stream", words, callouts.MAX_PENDING + 6, data=CALL_DATA)
    assert failed(run(code, worker=Worker(clusters={"up": lambda request: Response(200)}))) == 6


def test_grpc_messages_whose_answers_are_on_their_way() -> None:
    words: list[int | str] = [6, 0, 4, 0]
    code = repeated("proxy_grpc_send", words, callouts.MAX_PENDING + 8)
    worker = Worker(clusters={"up": lambda request: Response(200)})
    filter_ = Filter(Module.of(code), worker=worker)
    caller, root = filter_.plugin.machine, filter_.plugin.root
    worker.grpc.open(6, caller, root, Target("up"), "/S/M", [], 0)
    assert failed(filter_.handle(POST)) == 8


def test_local_responses_of_one_callback() -> None:
    words: list[int | str] = [418, 0, 0, 0, 4, 0, 0, -1]
    outcome = run(repeated("proxy_send_local_response", words, 5000))
    assert outcome.status == 418
    assert "more than 1000 things to do after one callback" in outcome.warnings[0]


def test_changes_that_a_trace_tells_of_one_callback() -> None:
    trace = Trace()
    run(repeated("proxy_set_property", [0, 4, 0, 0], 2000), worker=Worker(listener=trace))
    assert [len(event.changes) for event in trace.events if event.is_callback] == [MAX_WATCHED]


def test_ticks_of_a_millisecond_while_a_request_waits() -> None:
    script = Script(
        {
            "proxy_on_configure": [Call("proxy_set_tick_period_milliseconds", [1])],
            "proxy_on_tick": [],
            "proxy_on_request_headers": [],
        },
        answers={"proxy_on_request_headers": 1},
    )
    filter_ = Filter(Module.of(script.code()))
    outcome = filter_.handle(Request(), patience=1.0)
    assert outcome.paused == "proxy_on_request_headers"
    assert filter_.worker.loop.moved == 1_000_000_000


def test_timers_that_are_set_again_and_again() -> None:
    code = repeated("proxy_set_tick_period_milliseconds", [60_000], 20_000)
    worker = Worker()
    run(code, worker=worker)
    assert len(worker.loop) < 200


def test_a_run_whose_steps_are_slow_is_given_up() -> None:
    said: list[str] = []
    loop = Loop(FakeClock(), said.append, max_run=0.01)

    def slow() -> None:
        time.sleep(0.02)
        loop.after(0.001, slow)

    slow()
    loop.advance(1000)
    assert said == ["waiting was given up after 1 steps, and more is due"]
    assert loop.moved == 1000_000_000_000


def test_contexts_that_are_never_done() -> None:
    """In spec mode a context stays until the filter is done with it."""
    script = Script({"proxy_on_done": []}, answers={"proxy_on_done": 0})
    worker = Worker(mode=Mode.SPEC)
    filter_ = Filter(Module.of(script.code()), worker=worker)
    contexts = filter_.plugin.host.contexts
    filter_.handle(Request())
    assert len(contexts) == 2
    contexts.update({-at: contexts[1] for at in range(MAX_CONTEXTS)})
    before = len(contexts)
    filter_.handle(Request())
    assert len(contexts) == before


def test_a_table_grows_to_its_limit() -> None:
    """table.grow answers -1 then, and the filter goes on."""
    grow = """(if (i32.ne (table.grow $t (ref.null func) (i32.const 2000000)) (i32.const -1))
      (then (unreachable)))"""
    extra = "(table $t 1 funcref)"
    assert run(Script({"proxy_on_request_headers": [grow]}, extra=extra).code()).status == 200


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("(memory 1)" * 4, "memory count too high at 5"),
        ("(table 1 funcref)" * 20, "table count too high at 20"),
        ("(table 2000000 funcref)", "table minimum size of 2000000 elements exceeds table limits"),
    ],
)
def test_a_module_that_wants_more_than_one_vm_gets(extra: str, said: str) -> None:
    with pytest.raises(ModuleError, match=said):
        Filter(Module.of(Script({}, extra=extra).code()))
