"""What a test file may say, and how it is told what it may not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import jsonschema
import pytest

from mesh_yaml import yaml
from mesh_yaml.place import DocumentError
from tests.wasm_filters.testing.suites import suite
from wasm_filters.testing.schema import DIALECT, language

VALIDATOR = jsonschema.Draft202012Validator(language())
ONE = "filter: f.wasm\ntests: [{name: a, request: /, expect: {status: 200}}]\n"


def said(folder: Path, text: str) -> list[str]:
    """The problems of a file, or none."""
    try:
        suite(folder, text)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    return []


FINE = [
    "filters: [{file: a.wasm, name: a, vm_id: x}, {file: b.wasm}]\nmode: spec",
    "filter: a.wasm\nconfiguration: text\nvm_configuration: [1]\nroot_id: r\nvm_id: v\nname: n",
    "filter: a.wasm\nenvironment: {A: 1}\nproperties: {a: x, b: 1.5, c: true, d: [1], e: {}}",
    "filter: a.wasm\ncapabilities: [proxy_log]\nfailure_policy: FAIL_RELOAD\nreload_backoff: 2s",
    "filter: a.wasm\nstops_at_headers: true\nlog_level: debug\nbuffer_limit: 10",
    "filter: a.wasm\nclusters: {a: {refused: true}, b: [{times: 1, never: true}, {}]}",
    "filter: a.wasm\nclusters: {a: {grpc: {messages: [x, {base64: AA==}], status: 3}}}",
    "filter: a.wasm\nclusters: {a: {when: {path: {prefix: /}, headers: {a: null}, message: x}}}",
]


@pytest.mark.parametrize("head", FINE)
def test_what_is_right_is_right_to_the_schema_too(tmp_path: Path, head: str) -> None:
    text = f"{head}\ntests: [{{name: a, request: /, expect: {{status: 200}}}}]\n"
    assert said(tmp_path, text) == []
    assert VALIDATOR.is_valid(yaml.parse(text, "t")[0].plain())


CASES = [
    "request: POST /a, expect: {status: 200}",
    "request: {method: PUT, authority: a, scheme: https, body: {file: x}}, expect: {status: 200}",
    "request: {headers: {a: [1, 2], b: null}, chunks: [1, rest], trailers: {t: x}}, "
    "expect: {body: x}",
    "request: /, upstream: [{when: {method: GET}, chunks: 3}, {never: true}], "
    "expect: {status: none, upstream: none, logs: none, callouts: none, warnings: none}",
    "request: /, patience: 5s, expect: {paused: false, failure: {contains: x}, details: d}",
    "advance: 1h, enqueue: {q: [a, {json: 1}]}, expect: {queues: {q: [a]}, shared: {k: {size: 3}}}",
    "connection: [client: a, {upstream: {size: 3}}, end: client, reset: upstream, advance: 1s], "
    "expect: {to_client: {size: 3}, to_upstream: a, closed: remote}",
    "steps: [{request: /}, {advance: 2s, expect: {metrics: {a: '> 3', b: [1], c: null}}}]",
    "configuration: null, mode: [spec], expect: {rejected: true}",
    "clusters: {a: {body: {size: 3}}}, shared: {a: {text: 1}}, expect: {hostcalls: [proxy_log]}",
    "environment: {a: b}, vm_configuration: x, failure_policy: fail_open, "
    "expect: {callbacks: {proxy_on_tick: 2..3}}",
    "request: /, expect: {logs: [a, {level: warn, contains: b}, {plugin: p, prefix: c}]}",
    "request: /, expect: {upstream: {body: {json: {a: null}}, headers: {a: [b], c: {regex: d}}}}",
    "request: /, expect: {response_headers: {a: {values: [b], invert: true}}, reset: true}",
    "request: /, expect: {callouts: [{cluster: a, path: /, message: {base64: AA==}}, {}]}",
]


@pytest.mark.parametrize("case", CASES)
def test_tests_that_are_right_are_right_to_the_schema_too(tmp_path: Path, case: str) -> None:
    text = f"filter: a.wasm\ntests: [{{name: it, {case}}}]\n"
    assert said(tmp_path, text) == []
    assert VALIDATOR.is_valid(yaml.parse(text, "t")[0].plain())


WRONG = [
    ("[]", "1:1: expected a mapping, got a list"),
    ("filter: a.wasm", "1:1: 'tests' is missing"),
    ("filter: a.wasm\ntests: []", "2:8: tests: expected at least one entry, got a list"),
    ("tests: [{name: a, expect: {logs: none}}]", "1:1: expected one of filter, filters"),
    (
        "filters: [{file: a.wasm}]\nvm_id: x\ntests: [{name: a, expect: {logs: none}}]",
        "1:1: there are 'filters': put vm_id into one of them",
    ),
    (ONE.replace("status", "statsu"), "2:40: unknown key 'statsu'; did you mean 'status'?"),
    (
        ONE.replace("request: /", "request: {patience: 1s}"),
        "2:29: unknown key 'patience'; it belongs elsewhere",
    ),
    (
        ONE.replace("status: 200", "status: "),
        "2:47: status: expected what must be seen, got nothing",
    ),
    (
        ONE.replace("200", "abc"),
        "2:48: expected a number or bounds such as 72..128, got 'abc'",
    ),
    (ONE.replace(", expect: {status: 200}", ""), "2:9: expects nothing; say what must be seen"),
    (
        ONE.replace("request: /, ", ""),
        "2:9: there is no request, but something is said of status",
    ),
    (
        ONE.replace("request: /, ", "advance: 10, "),
        "2:28: advance: expected a duration such as 250ms, 2s or 1m30s, got 10",
    ),
    (
        ONE.replace("status: 200", "rejected: true"),
        "2:9: expected one of request, connection and expect.rejected",
    ),
    (
        ONE.replace("request: /,", "request: /, steps: [{request: /}],"),
        "2:9: there are 'steps': put expect, request into one of them",
    ),
    (
        ONE.replace("request: /,", "request: {chunks: 0},"),
        "2:37: input should be greater than or equal to 1, got 0",
    ),
    (
        ONE.replace("request: /,", "request: {body: {text: a, json: 1}},"),
        "2:35: body: expected one of base64, file, json, size, text",
    ),
    (
        ONE.replace("request: /,", "request: {body: {base64: '!'}},"),
        "2:35: body: is no base64: only base64 data is allowed",
    ),
    (
        ONE.replace("status: 200", "body: {exact: a, json: 1}"),
        "body: expected one of base64, contains, exact, file, json, prefix, present, regex, size,"
        " suffix, got exact, json",
    ),
    (
        ONE.replace("status: 200", "logs: [{level: loud}]"),
        "2:55: level: input should be 'trace', 'debug', 'info', 'warn', 'error' or 'critical'",
    ),
    (
        ONE.replace("request: /", "connection: [client: a]"),
        "2:9: there is no request, but something is said of status",
    ),
    (
        ONE.replace("request: /,", "connection: [{client: a, end: client}],"),
        "2:32: expected one of advance, client, end, refuse, reset, upstream",
    ),
    (ONE + "mode: both", "3:7: input should be 'envoy' or 'spec', got 'both'"),
    (
        ONE + "properties: {a: 99999999999999999999}",
        "3:17: a: 99999999999999999999 has more than 64 bits",
    ),
    (
        ONE + "clusters: {a: {never: true, status: 3}}",
        "3:37: status: input should be greater than or equal to 100, got 3",
    ),
    (
        ONE + "clusters: {a: {never: true, status: 300}}",
        "3:15: expected a status with a body, grpc, never, refused or no_endpoints,"
        " got never and status",
    ),
    (
        ONE + "clusters: {a: [{status: 503}, {status: 200}]}",
        "3:31: no request gets here: the answer at tests.yaml:3:16 takes all;"
        " give that one 'times' or 'when'",
    ),
    (
        ONE.replace("request: /,", "request: /, upstream: [{status: 404}, {}],"),
        "2:57: no request gets here: the answer at tests.yaml:2:42 takes all",
    ),
    (
        ONE.replace("}}]", "}}, {name: a, expect: {logs: none}}]"),
        "2:62: test 'a' comes twice, first at tests.yaml:2:16",
    ),
    (
        "filters: [{file: a.wasm}]\n"
        "tests: [{name: a, configuration: x, request: /, expect: {logs: none}}]",
        "2:19: configuration: of which of the filters? Say it there, under 'filters'",
    ),
    (ONE + "---\n" + ONE, "expected one YAML document, got 2"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, text: str, told: str) -> None:
    problems = said(tmp_path, text)
    assert any(told in problem for problem in problems), problems
    assert all(problem.startswith("tests.yaml:") for problem in problems)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = dedent("""\
        filter: f.wasm
        tests:
          - name: a
            request: {pth: /}
            expect: {statsu: 200}
          - name: b
        """)
    assert said(tmp_path, text) == [
        "tests.yaml:4:15: unknown key 'pth'; did you mean 'path'?",
        "tests.yaml:5:14: unknown key 'statsu'; did you mean 'status'?",
        "tests.yaml:6:5: expects nothing; say what must be seen under 'expect'",
    ]


def test_the_schema_is_one() -> None:
    schema = language()
    assert schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "text",
    [
        "filter: a.wasm",
        ONE.replace("status", "statsu"),
        ONE.replace("request: /", "request: {patience: 1s}"),
        ONE.replace("request: /", "advance: 10"),
        ONE.replace("status: 200", "body: {exact: []}"),
        ONE + "mode: both",
        ONE + "clusters: {a: {status: 3}}",
    ],
)
def test_what_the_models_refuse_by_its_shape_the_schema_refuses(text: str) -> None:
    assert not VALIDATOR.is_valid(yaml.parse(text, "t")[0].plain())
