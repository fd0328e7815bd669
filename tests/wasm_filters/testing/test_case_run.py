"""How a test runs: what it sends, who answers, what time it is, and what it does not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_yaml.place import DocumentError
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import CALLED_BACK, Call, Out, Probe
from tests.wasm_filters.testing.suites import findings, run
from wasm_filters.pairs import encode_pairs

HEAD = "filter: filter.wasm\n"
COUNTS = guest(
    "(global $n (mut i32) (i32.const 0))",
    on_request_headers(
        "(global.set $n (i32.add (global.get $n) (i32.const 1)))"
        "(i32.store8 (i32.const 0) (i32.add (i32.const 48) (global.get $n)))"
        "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))"
    ),
    imports='(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
)


def test_each_test_has_a_worker_of_its_own_and_steps_share_one(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        mode: [envoy, spec]
        tests:
          - {name: first, request: /, expect: {logs: ["1"]}}
          - {name: second, request: /, expect: {logs: ["1"]}}
          - name: both
            steps:
              - {request: /, expect: {logs: ["1"]}}
              - {request: /, expect: {logs: ["2"]}}
        """
    assert findings(tmp_path, text, COUNTS) == []


def test_a_test_ends_with_the_first_step_that_fails_and_shows_its_trace(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests:
          - name: it
            steps:
              - {request: /, expect: {logs: ["1"]}}
              - {request: /two, expect: {logs: ["3"]}}
              - {request: /, expect: {status: 1}}
        """
    (result,) = run(tmp_path, text, COUNTS)
    (finding,) = result.findings
    assert str(finding) == "tests.yaml:6:41: logs.0: expected '3', saw info: '2'"
    assert result.trace.splitlines() == [
        "==> proxy_on_request_headers(context=3, headers=4, end_of_stream=true)",
        "      ==> proxy_log(level=info, message='2')",
        "      <== ok",
        "<== continue",
    ]


LENGTHS = [
    ("{body: hello}", "content-length: '5'"),
    ("{body: hello, headers: {content-length: 3}}", "content-length: '3'"),
    ("{body: hello, headers: {content-length: null}}", "content-length: null"),
    ("{body: hello, chunks: 2}", "content-length: '5'"),
    ("{body: hello, trailers: {a: b}}", "content-length: null"),
    ("{}", "content-length: null"),
]


@pytest.mark.parametrize(("request_", "seen"), LENGTHS)
def test_a_body_has_the_length_that_a_client_would_give(
    tmp_path: Path, request_: str, seen: str
) -> None:
    expect = f"{{upstream: {{headers: {{{seen}}}}}}}"
    text = f"{HEAD}tests: [{{name: a, request: {request_}, expect: {expect}}}]"
    assert findings(tmp_path, text, guest()) == []


def test_bodies_are_written_in_many_ways(tmp_path: Path) -> None:
    (tmp_path / "body.bin").write_bytes(b"from a file")
    text = """\
        filter: filter.wasm
        tests:
          - {name: text, request: {body: 1.5}, expect: {upstream: {method: POST, body: "1.5"}}}
          - {name: json, request: {body: {json: {a: é}}}, expect: {upstream: {body: '{"a": "é"}'}}}
          - {name: base64, request: {body: {base64: AAE=}}, expect: {upstream: {body: {size: 2}}}}
          - {name: file, request: {body: {file: body.bin}}, expect: {upstream: {body: from a file}}}
          - {name: size, request: {body: {size: 70000}}, expect: {upstream: {body: {size: 70000}}}}
        """
    assert findings(tmp_path, text, guest()) == []


def test_a_file_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    text = f"{HEAD}tests: [{{name: a, request: {{body: {{file: none}}}}, expect: {{status: 200}}}}]"
    with pytest.raises(DocumentError) as caught:
        run(tmp_path, text, guest())
    assert str(caught.value).startswith("tests.yaml:2:42: ")
    assert str(caught.value).endswith("none: can't be read: no such file or directory")


BODY = Probe({"proxy_on_request_body": [], "proxy_on_response_body": []})


def test_bodies_come_in_pieces_each_way(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests:
          - name: it
            request: {body: 0123456789ab, chunks: 5}
            upstream: {body: abcdef, chunks: [1, 2, rest]}
            expect:
              callbacks: {proxy_on_request_body: 4, proxy_on_response_body: 4}
              logs:
                - {prefix: proxy_on_request_body (5 0}
                - {prefix: proxy_on_request_body (5 0}
                - {prefix: proxy_on_request_body (2 0}
                - {prefix: proxy_on_response_body (1 0}
                - {prefix: proxy_on_response_body (2 0}
                - {prefix: proxy_on_response_body (3 0}
        """
    assert findings(tmp_path, text, BODY) == []


def pairs(path: bytes) -> bytes:
    return encode_pairs([(b":method", b"GET"), (b":path", path), (b":authority", b"a")])


RESPONDED = "proxy_on_http_call_response"
ASKS = Probe(
    {
        "proxy_on_request_headers": [
            Call("proxy_http_call", [b"auth", pairs(b"/check"), b"", b"", 50, Out.NUMBER])
        ],
        "proxy_on_http_call_response": [
            Call("proxy_get_header_map_value", [6, b":status", Out.TEXT], "status"),
            Call("proxy_get_buffer_bytes", [4, 0, 99, Out.TEXT], "body"),
        ],
    },
    callbacks=CALLED_BACK,
)


@pytest.mark.parametrize(
    ("answers", "first", "second"),
    [
        ("[{status: 500, times: 1}, {body: fine}]", "status=0 500", "body=0 fine"),
        ("{refused: true}", "status=0 503", "status=0 503"),
        ("[{when: {path: /no}, status: 500}, {status: 202}]", "status=0 202", "status=0 202"),
        ("[{when: {path: /check}, status: 500}, {}]", "status=0 500", "status=0 500"),
    ],
)
def test_clusters_answer_by_their_script(
    tmp_path: Path, answers: str, first: str, second: str
) -> None:
    text = f"""\
        filter: filter.wasm
        clusters: {{auth: {answers}}}
        tests:
          - name: it
            steps:
              - request: /
                expect:
                  callouts: [{{cluster: auth, path: /check}}]
                  logs: [{{contains: {first}}}]
              - {{request: /, expect: {{logs: [{{contains: {second}}}]}}}}
        """
    assert findings(tmp_path, text, ASKS) == []


@pytest.mark.parametrize(
    ("answer", "at", "seen"),
    [
        ("{status: 204, after: 20ms}", "20ms", "status=0 204"),
        ("{never: true}", "50ms", "status=0 504"),
        ("{status: 200, after: 60ms}", "50ms", "status=0 504"),
    ],
)
def test_answers_and_timeouts_come_in_their_time(
    tmp_path: Path, answer: str, at: str, seen: str
) -> None:
    text = f"""\
        filter: filter.wasm
        clusters: {{auth: {answer}}}
        tests:
          - name: it
            steps:
              - {{request: /, expect: {{status: 200, callbacks: {{{RESPONDED}: 0}}}}}}
              - {{advance: 19ms, expect: {{callbacks: {{{RESPONDED}: 0}}}}}}
              - {{advance: {at}, expect: {{logs: [{{contains: {seen}}}]}}}}
        """
    assert findings(tmp_path, text, ASKS) == []


def test_a_cluster_may_have_no_endpoints(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        clusters: {auth: {no_endpoints: true}}
        tests:
          - name: it
            steps:
              - {request: /, expect: {callouts: [], logs: [{contains: http_call=10}]}}
              - {request: /, upstream: {no_endpoints: true}, expect: {status: 503}}
        """
    assert findings(tmp_path, text, ASKS) == []


def test_a_tests_cluster_stands_in_for_the_files(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        clusters: {auth: {status: 200}}
        tests:
          - name: it
            clusters: {auth: {status: 401}}
            request: /
            expect: {logs: [{contains: status=0 401}]}
        """
    assert findings(tmp_path, text, ASKS) == []


TICKS = Probe(
    {
        "proxy_on_configure": [
            Call("proxy_set_tick_period_milliseconds", [100]),
            Call("proxy_register_shared_queue", [b"jobs", Out.NUMBER]),
        ],
        "proxy_on_queue_ready": [Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "job")],
    },
    callbacks=CALLED_BACK,
)


def test_time_passes_when_it_is_told_to(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests:
          - name: it
            steps:
              - {request: /, expect: {callbacks: {proxy_on_tick: 0}}}
              - {advance: 350ms, expect: {callbacks: {proxy_on_tick: 3}}}
              - {advance: 1s, request: /, expect: {callbacks: [proxy_on_tick], status: 200}}
        """
    assert findings(tmp_path, text, TICKS) == []


def test_items_come_to_queues_that_a_filter_registered(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests:
          - name: it
            enqueue: {jobs: [one, {json: 2}]}
            expect: {logs: [{contains: job=0 one}, {contains: job=0 2}], queues: {jobs: []}}
          - name: wrong
            enqueue: {tasks: [one]}
            expect: {logs: [{contains: on_configure}]}
        """
    assert findings(tmp_path, text, TICKS) == [
        "tests.yaml:7:15: enqueue.tasks: expected a queue of that name,"
        " saw none: nobody registered it"
    ]


SHARES = Probe(
    {
        "proxy_on_vm_start": [
            Call("proxy_get_property", [b"xds\0cluster_name", Out.TEXT], "start")
        ],
        "proxy_on_request_headers": [
            Call("proxy_get_property", [b"plan", Out.TEXT], "plan"),
            Call("proxy_get_property", [b"plugin_vm_id", Out.TEXT], "vm"),
            Call("proxy_set_shared_data", [b"key", b"new", 0]),
        ],
    }
)


def test_properties_shared_data_and_ids_are_given(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        vm_id: v
        properties: {plan: gold}
        tests:
          - name: the file's
            request: /
            shared: {other: there}
            expect:
              logs: [request_headers plan=0 gold, request_headers vm=0 v]
              shared: {key: new, other: there}
          - name: the test's own
            properties: {plan: silver}
            request: /
            expect: {logs: [request_headers plan=0 silver]}
        """
    assert findings(tmp_path, text, SHARES) == []


REFUSES = Probe({}, answers={"proxy_on_configure": 0})
DIES = Probe({}, traps=frozenset({"proxy_on_vm_start"}))


@pytest.mark.parametrize(
    ("probe", "why"),
    [(REFUSES, "proxy_on_configure refused the configuration"), (DIES, "unreachable")],
)
def test_a_filter_that_does_not_start_is_seen(tmp_path: Path, probe: Probe, why: str) -> None:
    expected = (
        f"filter: filter.wasm\ntests: [{{name: a, expect: {{rejected: {{contains: {why}}}}}}}]"
    )
    assert findings(tmp_path, expected, probe) == []
    not_expected = "filter: filter.wasm\ntests: [{name: a, request: /, expect: {status: 200}}]"
    (result,) = run(tmp_path, not_expected, probe)
    (finding,) = result.findings
    assert (finding.what, finding.expected) == ("rejected", "that the filter starts")
    assert why in finding.seen
    assert "==> proxy_on_vm_start" in result.trace


def test_a_filter_that_starts_though_it_should_not_is_seen(tmp_path: Path) -> None:
    text = f"{HEAD}tests: [{{name: a, expect: {{rejected: true}}}}]"
    assert findings(tmp_path, text, guest()) == [
        "tests.yaml:2:28: rejected: expected some, saw none"
    ]


def test_several_filters_are_passed_in_their_order(tmp_path: Path) -> None:
    text = """\
        filters:
          - {file: filter.wasm, vm_id: a, configuration: {request: {add: {x-n: 1}}}}
          - {file: filter.wasm, vm_id: b, name: second, configuration: {deny: [{path: /no}]}}
        tests:
          - name: through both
            request: /
            expect: {upstream: {headers: {x-n: "1"}}}
          - name: the second one answers
            request: /no
            expect: {status: 403, logs: [{plugin: second, contains: denied}]}
        """
    assert findings(tmp_path, text.replace("add: {x-n: 1}", 'add: {x-n: "1"}')) == []


def test_modes_are_those_of_the_file_or_the_test(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        mode: [envoy, spec]
        tests:
          - {name: both, request: /, expect: {status: 200}}
          - {name: one, mode: spec, request: /, expect: {status: 200}}
        """
    titles = [result.case.title for result in run(tmp_path, text, guest())]
    assert titles == ["both [envoy]", "both [spec]", "one"]


def test_a_filter_that_envoy_would_not_load_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^tests\.yaml:1:9: .*filter\.wasm: .*"):
        run(tmp_path, f"{HEAD}tests: [{{name: a, expect: {{logs: none}}}}]", b"no wasm")


def test_a_too_large_body_that_a_filter_holds_is_refused(tmp_path: Path) -> None:
    probe = Probe({}, answers={"proxy_on_request_body": (1, 0)})
    text = """\
        filter: filter.wasm
        buffer_limit: 100
        tests:
          - name: it
            request: {body: {size: 300}, chunks: 50}
            expect: {status: 413, upstream: none}
        """
    assert findings(tmp_path, text, probe) == []
