"""Each word of ``expect``: it holds where it must, and says what it saw where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wasm_filters.probe import CALLED_BACK, Call, Out, Probe
from tests.wasm_filters.testing.suites import findings, run

POLICY = """\
filter: filter.wasm
configuration:
  request: {set: {x-mesh: meshloom}, add: {x-seen: filter}}
  response: {remove: [x-powered-by]}
  deny: [{path: /admin, body: no entry}]
tests:
  - name: it
    request: REQUEST
    upstream:
      {headers: {server: up, set-cookie: [a, b]}, body: '{"n": 1}', trailers: {x-t: end}}
    expect: {EXPECT}
"""
ECHO = {"passed": "{path: '/p?q=1', headers: {x-seen: client}, body: hello}", "denied": "/admin"}

HOLDS = [
    ("passed", "status: 200"),
    ("passed", "status: 200..299"),
    ("passed", "response_headers: {server: up, x-powered-by: null, SERVER: {prefix: u}}"),
    ("passed", "response_headers: {set-cookie: [a, b]}"),
    ("passed", "response_headers: {set-cookie: b}"),
    ("passed", "response_headers: {set-cookie: {values: [a], invert: true}}"),
    ("passed", "response_trailers: {x-t: {regex: 'e..'}}"),
    ("passed", "body: '{\"n\": 1}'"),
    ("passed", "body: {json: {n: 1}}"),
    ("passed", "body: {base64: eyJuIjogMX0=}"),
    ("passed", "body: {size: '<= 8'}"),
    ("passed", "body: {contains: n}"),
    ("passed", "body: {json: null, invert: true}"),
    ("passed", "upstream: {method: POST, path: {prefix: /p}, authority: localhost, scheme: http}"),
    ("passed", "upstream: {headers: {x-mesh: meshloom, x-seen: [client, filter]}, body: hello}"),
    ("passed", "local_reply: false, paused: false, reset: false, failure: false, logs: none"),
    ("passed", "details: via_upstream, callouts: none, warnings: none"),
    ("denied", "status: 403, local_reply: true, upstream: none, body: no entry"),
    ("denied", "logs: [{level: info, contains: denied}]"),
    ("denied", "logs: [denied /admin]"),
    ("denied", "logs: [{contains: passed, invert: true}, {plugin: filter, suffix: /admin}]"),
    ("denied", "hostcalls: [proxy_send_local_response]"),
    ("denied", "hostcalls: {proxy_send_local_response: 1, proxy_set_property: 0}"),
    ("denied", "callbacks: {proxy_on_request_headers: 1, proxy_on_response_headers: 1}"),
    ("denied", "metrics: {none: null}, shared: {none: null}"),
]
FAILS = [
    ("passed", "status: 404", "status: expected 404, saw 200"),
    ("passed", "status: none", "status: expected no answer, saw 200"),
    ("passed", "response_headers: {server: down}", "server: expected 'down', saw 'up'"),
    ("passed", "response_headers: {server: null}", "server: expected none, saw 'up'"),
    ("passed", "response_headers: {x: {present: true}}", "x: expected some, saw none"),
    (
        "passed",
        "response_headers: {set-cookie: [b, a]}",
        "set-cookie: expected 'b' and 'a', saw 'a' and 'b'",
    ),
    ("passed", "response_trailers: {x-t: a}", "x-t: expected 'a', saw 'end'"),
    ("passed", "body: {json: {n: 2}}", "body: expected JSON '{\"n\": 2}', saw '{\"n\": 1}'"),
    ("passed", "body: {size: 9}", "body: expected 9 bytes, saw 8 bytes"),
    ("passed", "body: {base64: AAE=}", "body: expected '\\x00\\x01', saw '{\"n\": 1}'"),
    ("passed", "body: {regex: n}", "body: expected regex 'n', saw '{\"n\": 1}'"),
    (
        "passed",
        "body: {contains: n, invert: true}",
        "body: expected not contains 'n', saw '{\"n\": 1}'",
    ),
    ("passed", "upstream: none", "upstream: expected no request, saw POST /p?q=1"),
    ("passed", "upstream: {path: /p}", "upstream.path: expected '/p', saw '/p?q=1'"),
    ("passed", "upstream: {body: bye}", "upstream.body: expected 'bye', saw 'hello'"),
    ("passed", "local_reply: true", "local_reply: expected a local reply, saw no local reply"),
    ("passed", "paused: true", "paused: expected some, saw none"),
    ("passed", "reset: true", "reset: expected a reset stream, saw no reset"),
    ("passed", "details: x", "details: expected 'x', saw 'via_upstream'"),
    ("passed", "logs: [x]", "logs.0: expected 'x', saw none"),
    ("passed", "callouts: [{path: /}]", "callouts: expected 1, saw none"),
    ("passed", "metrics: {m: 1}", "metrics.m: expected 1, saw no such metric"),
    ("passed", "shared: {k: v}", "shared.k: expected a value, saw no such key"),
    ("passed", "queues: {q: []}", "queues.q: expected a queue of that name, saw none"),
    ("passed", "failure: true", "failure: expected some, saw none"),
    ("passed", "warnings: [x]", "warnings.0: expected 'x', saw none"),
    (
        "passed",
        "hostcalls: {proxy_log: 1}",
        "hostcalls.proxy_log: expected 1 calls, saw 0",
    ),
    ("denied", "upstream: {path: /}", "upstream: expected a request, saw none"),
    ("denied", "logs: none", "logs: expected none, saw info: 'denied /admin'"),
    (
        "denied",
        "logs: [{level: warn, present: true}]",
        "logs.0: expected warn: some, saw info: 'denied /admin'",
    ),
    (
        "denied",
        "logs: [{contains: denied, invert: true}]",
        "logs.0: expected not contains 'denied', saw info: 'denied /admin'",
    ),
]


def text(request: str, expect: str) -> str:
    return POLICY.replace("REQUEST", ECHO[request]).replace("EXPECT", expect)


@pytest.mark.parametrize(("request_", "expect"), HOLDS)
def test_what_is_as_expected_finds_nothing(tmp_path: Path, request_: str, expect: str) -> None:
    assert findings(tmp_path, text(request_, expect)) == []


@pytest.mark.parametrize(("request_", "expect", "found"), FAILS)
def test_what_is_not_says_what_was_seen(
    tmp_path: Path, request_: str, expect: str, found: str
) -> None:
    (line,) = findings(tmp_path, text(request_, expect))
    place, _, told = line.partition(": ")
    assert place.startswith("tests.yaml:11:")
    assert told.endswith(found)


def test_a_finding_stands_where_it_was_expected(tmp_path: Path) -> None:
    written = text("passed", "status: 1, response_headers: {server: x, date: y}")
    assert findings(tmp_path, written) == [
        "tests.yaml:11:14: status: expected 1, saw 200",
        "tests.yaml:11:44: response_headers.server: expected 'x', saw 'up'",
        "tests.yaml:11:55: response_headers.date: expected 'y', saw none",
    ]


def test_a_file_of_expected_bytes_is_beside_the_test(tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text('{"n": 1}')
    assert findings(tmp_path, text("passed", "body: {file: golden.json}")) == []
    (line,) = findings(tmp_path, text("passed", "body: {file: missing.json}"))
    assert "missing.json, which can't be read: No such file" in line


METRIC = {
    "proxy_on_request_headers": [
        Call("proxy_define_metric", [0, b"hits", Out.NUMBER]),
        Call("proxy_increment_metric", [4, 3], long=frozenset({1})),
        Call("proxy_define_metric", [2, b"sizes", Out.NUMBER]),
        Call("proxy_record_metric", [6, 10], long=frozenset({1})),
        Call("proxy_record_metric", [6, 20], long=frozenset({1})),
        Call("proxy_set_shared_data", [b"key", b"value", 0]),
    ],
    "proxy_on_configure": [Call("proxy_register_shared_queue", [b"jobs", Out.NUMBER])],
}


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("metrics: {hits: 3, sizes: [10, 20], none: null}", ""),
        ("shared: {key: value, other: null}, queues: {jobs: []}", ""),
        ("metrics: {hits: '> 3'}", "metrics.hits: expected > 3, saw 3"),
        ("metrics: {sizes: [10]}", "metrics.sizes: expected [10], saw [10, 20]"),
        ("metrics: {hits: null}", "metrics.hits: expected no such metric, saw 3"),
        ("shared: {key: null}", "shared.key: expected no such key, saw 'value'"),
        ("shared: {key: {json: 1}}", "shared.key: expected JSON '1', saw 'value'"),
        ("queues: {jobs: [a]}", "queues.jobs: expected 1 items, saw none"),
    ],
)
def test_what_filters_keep_is_seen(tmp_path: Path, expect: str, found: str) -> None:
    written = f"""\
        filter: filter.wasm
        tests: [{{name: it, request: /, expect: {{{expect}}}}}]
        """
    lines = findings(tmp_path, written, Probe(METRIC))
    assert [line.partition(": ")[2] for line in lines] == ([found] if found else [])


def test_a_pause_that_nobody_ends_is_seen(tmp_path: Path) -> None:
    probe = Probe({}, answers={"proxy_on_request_headers": 1})
    written = """\
        filter: filter.wasm
        tests:
          - name: it
            request: /
            expect: {status: none, paused: proxy_on_request_headers, upstream: none}
          - name: wrong
            request: /
            expect: {status: 200}
        """
    assert findings(tmp_path, written, probe) == [
        "tests.yaml:8:14: status: expected 200, saw no answer: paused in"
        " proxy_on_request_headers, and nobody resumed it"
    ]


TRAPS = Probe({}, traps=frozenset({"proxy_on_request_headers"}))


def test_a_filter_that_dies_is_found_without_a_word(tmp_path: Path) -> None:
    written = "filter: filter.wasm\ntests: [{name: it, request: /, expect: {status: 503}}]\n"
    (line,) = findings(tmp_path, written, TRAPS)
    assert "failure: expected that no filter dies, saw proxy_on_request_headers: trapped" in line


def test_a_death_can_be_expected_and_later_steps_see_what_it_leaves(tmp_path: Path) -> None:
    written = """\
        filter: filter.wasm
        failure_policy: FAIL_OPEN
        tests:
          - name: it
            steps:
              - request: /
                expect: {status: 503, failure: {contains: unreachable}}
              - request: /
                expect: {status: 200, failure: false}
        """
    assert findings(tmp_path, written, TRAPS) == []


def test_a_call_that_nobody_answers_is_found_without_a_word(tmp_path: Path) -> None:
    fields = b"\3\0\0\0" + b"".join(
        len(word).to_bytes(4, "little")
        for pair in ((b":method", b"GET"), (b":path", b"/c"), (b":authority", b"a"))
        for word in pair
    )
    fields += b"".join(
        word + b"\0"
        for pair in ((b":method", b"GET"), (b":path", b"/c"), (b":authority", b"a"))
        for word in pair
    )
    call = Call("proxy_http_call", [b"auth", fields, b"", b"", 1000, Out.NUMBER])
    probe = Probe({"proxy_on_request_headers": [call]}, callbacks=CALLED_BACK)
    written = """\
        filter: filter.wasm
        clusters:
          auth: {when: {path: /other}, status: 200}
        tests:
          - name: it
            request: /
            expect: {callouts: [{cluster: auth, path: /c}]}
        """
    assert findings(tmp_path, written, probe) == [
        "tests.yaml:3:3: auth: expected an answer for each request, saw GET /c, and none is for it"
    ]


def test_warnings_of_the_host_go_with_a_failure(tmp_path: Path) -> None:
    call = Call("proxy_http_call", [b"auth", b"\0\0\0\0", b"", b"", 1000, Out.NUMBER])
    probe = Probe({"proxy_on_request_headers": [call]})
    written = "filter: filter.wasm\ntests: [{name: it, request: /, expect: {status: 401}}]\n"
    (result,) = run(tmp_path, written, probe)
    assert result.warnings[0] == (
        "proxy_on_request_headers: a call to cluster 'auth', which is not known here (known: none)"
    )
