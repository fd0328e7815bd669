"""The oracle for expressions: the same CEL here, and in a real Envoy, statuses and bytes.

What can not be equal: maps come in no order in Envoy, so those that are compared have one member,
or are the request's headers, whose members are compared. What this host refuses to say, rather
than say it wrong, is in ``REFUSED``.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mesh_traffic import Body, Headers, Request
from tests.wasm_filters.engines import (
    UP,
    Answered,
    Results,
    Scenario,
    both,
    foreign,
    prop,
    set_property,
)
from tests.wasm_filters.probe import Call, Probe
from tests.wasm_filters.wire import declared, field
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.foreign.syntax import FUNCTIONS, METHODS
from wasm_filters.module import Module
from wasm_filters.pairs import decode_pairs

VALUES = r"""
1+1 | 1u+2u | -7/2 | 7%3 | 1.5*2.0 | 'a'+'b' | b'a'+b'b' | [1,2]+[3] | 1 == 1u | 1 == 1.0
'a' < 'b' | 1 < 1.5 | 1u < 2 | 1 == 'a' | 1 != 'a' | [1] == [1] | {'a':1} == {'a':1} | null == null
null == 1 | 1.0/0.0 | -9223372036854775808 | 18446744073709551615u | 0x10 | 1e400 | -(-5) | !true
true ? 1 : 2 | 1 || true | [] | [1,2] | [1,'a',true,2.0,b'x',1u] | {} | {'a':1} | {1:2} | {true:'x'}
{'a':{'b':[1]}} | '\u00e9' | "\n" | r'\n' | '''a''' | '\xff' | b'\xff' | '😀' | 1 //comment
duration('3s') | duration('0.000000007s') | duration('1h2m3.5s') | duration('-1.5s')
timestamp('2020-01-01T00:00:00Z') | timestamp('2020-01-01T00:00:00.123456789Z') | timestamp(0)
timestamp('1969-12-31T23:59:59.999999999Z') | timestamp('9999-12-31T23:59:59Z')
timestamp('0001-01-01T00:00:00Z') | timestamp('2500-01-01T00:00:00Z') | duration('315576000000s')
duration('-315576000000s') | timestamp('2020-01-01T00:00:00Z') + duration('1s')
timestamp('2020-01-01T00:00:00Z') - timestamp('2019-01-01T00:00:00Z') | [duration('1s')]
timestamp('2020-01-01T00:00:00Z').getFullYear() | duration('3.5s').getMilliseconds()
timestamp('2020-01-01T00:00:00Z').getHours('America/New_York') | {'a': duration('0.5s')}
duration('1s') == duration('1000ms') | int('12') | uint(3) | double('1.5') | string(1)
string(1.5) | string(b'abc') | bytes('abc') | bool('true') | int(1.9) | int(-1.9) | double(1)
string(true) | string(duration('1s')) | string(timestamp('2020-01-01T00:00:00Z')) | dyn(1)
int(timestamp('2020-01-01T00:00:00Z')) | 'abc'.size() | 'äöü'.size() | size('äöü') | size(b'abc')
size([1,2]) | size({'a':1}) | 'abc'.contains('b') | 'abc'.startsWith('a') | 'abc'.endsWith('c')
'abc'.matches('^a.c$') | matches('abc', 'b') | 'abc'.matches('(?i)ABC') | [1,2,3].exists(x, x>2)
[1,2,3].all(x, x>0) | [1,2,3].exists_one(x, x==2) | [1,2,3].map(x, x*2) | [1,2,3].filter(x, x>1)
{'a':1}.exists(k, k=='a') | [].all(x, nope) | [1].map(x, [x].map(y, x+y)) | 'a' in ['a']
'a' in {'a':1} | 1 in [1u] | 1.0 in [1] | [1,2][1] | [1,2,3][1u] | [1,2,3][1.0] | {'a':1}['a']
{'a':1}.a | {1:'a'}[1u] | {1:'a'}[1.0] | {true:'x'}[true] | has({'a':1}.b) | has({'a':1}.a)
type(1) == int | string == type('') | type([]) == list | type({}) == map | type(null) == null_type
google.protobuf.Duration{seconds: 3} | google.protobuf.UInt32Value{value: 3u}
google.protobuf.Timestamp{seconds: 1} | google.protobuf.Struct{} | google.protobuf.ListValue{}
google.protobuf.BytesValue{value: b'a'} | google.protobuf.Empty{} | google.protobuf.FieldMask{}
google.protobuf.Struct{fields: {'a': google.protobuf.Value{number_value: 1.0}}}
google.protobuf.Any{type_url: 'type.googleapis.com/google.protobuf.Int64Value', value: b'\x08\x07'}
google.protobuf.NullValue.NULL_VALUE | envoy.config.core.v3.Node{id: 'x'}
envoy.config.core.v3.Locality{region: 'r'}
envoy.config.core.v3.Metadata{filter_metadata: {'a': {'b': 1}}}
"""
FAILURES = r"""
1 + | foo(1) | true || foo(1) | size(1,2) | 'abc'.foo() | 9223372036854775808 | //comment
google.protobuf.Nope{} | Foo{a: 1} | google.protobuf.Duration{nope: 1} | cel.bind(x, 1, x)
envoy.config.core.v3.Locality{nope: 1} | optional.of(1) | [?1] | math.greatest(1,2) | 'a'.charAt(0)
'a,b'.split(',') | '%d'.format([1]) | 'A'.lowerAscii() | re.extract('a','a') | "unterminated
if | in | package | foo('x', bar(1)) | [foo(1)] | {'a': foo(1)} | has(a[foo(1)].b)
[1].all(x, foo(x)) | nope | nope.x | a.b.c.d | 1 + 'a' | 1/0 | 1u/0u | {1.5:2}
9223372036854775807+1 | duration('x') | int('x') | string(b'\xff') | 'abc'.matches('[')
1 ? 1 : 2 | nope ? 1 : 2 | !1 | -true | 'a'[0]
[1,2][2] | [1,2][-1] | [1,2]['a'] | {'a':1}.b | 1 < 'a' | int(1e30) | uint(-1) | duration(1)
'a' * 2 | false || 1 | true && 'a' | [1,2].all(x, y) | 'x'.path | true.x | 1.5.x | {'a':1,'a':2}
google.protobuf.Any{} | google.protobuf.Duration{seconds: 'x'} | bool('maybe') | -duration('1s')
duration('300000h')*2
null | type(1) | [null] | {'a':null} | int | [int] | null_type | google.protobuf.Value{}
"""
ATTRIBUTES = r"""
request.path | request['path'] | request['pa' + 'th'] | (request).path | .request.path
request.path.startsWith('/') | request.path in ['/a', '/hello?q=1'] | request.path.nope
request.headers | request.headers['x-a'] | request.headers['X-A'] | request.headers['nope']
request.headers.x | request.headers['x-' + 'a'] | request.headers['x-a'] == '1,2'
has(request.headers.nope) | 'x-a' in request.headers | 'nope' in request.headers
'X-A' in request.headers | size(request.headers) | request.headers == {}
request.headers.exists(k, k == 'x-a') | request.headers.all(k, request.headers[k] != '')
has(request.path) | has(request.nope) | request.nope | request[1] | 'path' in request
'nope' in request | request.size + 1 | request.duration | request.query + request.method
request.time > timestamp('2020-01-01T00:00:00Z') | request.useragent | request.id
['path', 'nope'].map(x, x in request) | ['path', 'size'].all(x, has(request.path) && x in request)
connection.mtls | connection.id >= 0u | type(connection.id) == uint | type(request.size) == int
type(response.flags) == int | type(upstream.request_attempt_count) == uint
type(request.time) == type(timestamp(0)) | type(xds.listener_direction) == int
type(source.port) == int | type(upstream.num_endpoints) == uint | type(connection_id) == uint
source.address.startsWith('127.0.0.1') | xds.cluster_name | xds.node.id | xds.node.metadata
xds.node.metadata.APP | xds.node.metadata.N + 1.0 | type(xds.node.metadata.N) == double
xds.node.metadata.x | has(xds.node.metadata.x) | has(xds.node.locality) | xds.node.locality
xds.node.locality.region | xds.node.locality.nope | has(xds.node.locality.nope)
has(xds.node.locality.sub_zone) | xds.node.locality == xds.node.locality | xds.node.nope
{'a': xds.node.locality} | xds.node.user_agent_name | xds.node.user_agent_version
xds.node.user_agent_build_version.version.major_number | xds.node.client_features
size(xds.node.client_features) | xds.node.dynamic_parameters | xds.node.id + '/' + xds.node.cluster
xds.cluster_metadata | xds.cluster_metadata.filter_metadata | size(xds.cluster_metadata)
'x' in xds.cluster_metadata.filter_metadata | xds.cluster_metadata.typed_filter_metadata
metadata | metadata.filter_metadata | metadata.filter_metadata['a'].b | type(xds.node)
mine | string(mine) | mine == b'v' | size(mine) | filter_state['wasm.mine'] | filter_state.mine
'wasm.mine' in filter_state | 'wasm.' + 'mine' in filter_state | has(filter_state.nope)
text | text + 'x' | text.size() | struct | struct.k | has(struct.k) | locality.region | unknown
unknown.x | number + 1 | filter_state['wasm.struct'].k | filter_state['wasm.text'] + 'x'
plugin_name | plugin_root_id + plugin_vm_id | node | cluster_name
upstream.address.startsWith('127.0.0.1:') | has(upstream.address) | response.code
response.headers | has(response.code)
request | response | connection | upstream | source | destination | xds | filter_state
upstream_filter_state
"""
REFUSED = """
size(request) | request == request | [request] | {'a': request} | type(request)
request.exists(k, true) | google.rpc.Status{} | {1: 1, 1u: 2}
size(request.headers) + size(request.headers['X-A']) | google.protobuf.Duration
type(duration('1s')) == google.protobuf.Duration
"""
REQUEST = Request(
    "POST",
    "/hello?q=1",
    "test",
    "http",
    Headers.of(
        [("x-a", "1"), ("x-a", "2"), ("user-agent", "ua"), ("content-length", "2")]
        + [("x-forwarded-proto", "http")]
    ),
    Body(b"xy"),
)
NODE = {
    "id": "nid",
    "cluster": "ncl",
    "metadata": {"APP": "app", "N": 2},
    "locality": {"region": "r", "zone": "z"},
}
UNORDERED = ("request.headers", "response.headers", "xds.node.metadata")
_SCHEMA = "type.googleapis.com/"
_STRUCT = field(1, field(1, "k") + field(2, field(3, "v")))
_DECLARED = [
    foreign("declare_property", declared(name, kind=kind, schema=schema and _SCHEMA + schema))
    for name, kind, schema in (
        ("text", 1, ""),
        ("struct", 3, "google.protobuf.Struct"),
        ("locality", 3, "envoy.config.core.v3.Locality"),
        ("number", 3, "google.protobuf.Int64Value"),
        ("unknown", 3, "foo.Bar"),
    )
]
_SET = [
    set_property(name, value)
    for name, value in (
        (b"mine", b"v"),
        (b"text", b"abc"),
        (b"struct", _STRUCT),
        (b"locality", field(1, "reg")),
        (b"number", field(1, 7)),
        (b"unknown", b"x"),
    )
]


def expressions(table: str) -> list[str]:
    return [each.strip() for line in table.strip().splitlines() for each in line.split(" | ")]


def create(source: str | bytes) -> Call:
    data = source.encode() if isinstance(source, str) else source
    return foreign("expr_create", data, "create")


def evaluate(token: int) -> Call:
    return foreign("expr_evaluate", struct.pack("<I", token), f"evaluate {token}")


def probe(sources: Sequence[str | bytes], *more: Call) -> Probe:
    """Creates them all, then evaluates whatever tokens there can be, twice."""
    run = [evaluate(token) for token in range(len(sources))]
    return Probe(
        {
            "proxy_on_configure": _DECLARED,
            "proxy_on_request_headers": [*_SET, *map(create, sources), *run, *more],
            "proxy_on_response_headers": run,
        }
    )


def generated(seed: int, count: int) -> list[str]:
    """Small expressions by chance, most of them with a value."""
    chance = random.Random(seed)
    return [_expression(chance, 3) for _ in range(count)]


_ATOMS = (
    "1", "0", "-3", "2u", "1.5", "'a'", "''", "b'a'", "true", "false", "null", "[1,2]", "['a']",
    "{'a':1}", "request.path", "request.size", "request.headers['x-a']", "connection.mtls",
    "xds.cluster_name", "request.nope", "(source.port > 0)", "nope", "duration('2s')",
    "timestamp(9)", "xds.node.locality", "xds.node.metadata.N", "request.duration",
)  # fmt: skip
_SHAPES = (
    "({} + {})", "({} - {})", "({} * {})", "({} / {})", "({} % {})", "({} == {})", "({} != {})",
    "({} < {})", "({} >= {})", "({} && {})", "({} || {})", "({} ? {} : {})", "({} in {})", "!({})",
    "-({})", "{}[{}]", "size({})", "string({})", "int({})", "double({})", "type({}) == type({})",
    "has(request.path) == {}", "[{}, {}]", "[{}].exists(x, x == {})", "[{}, {}].map(x, x + {})",
    "[{}].filter(x, x != {})", "({}).startsWith({})", "({}).contains({})", "{{'k': {}}}", "({}).a",
)  # fmt: skip


def _expression(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.15:
        return chance.choice(_ATOMS)
    shape = chance.choice(_SHAPES)
    parts = [_expression(chance, depth - 1) for _ in range(shape.count("{}"))]
    return shape.format(*parts)


def _calls_of(names: Sequence[str]) -> list[str]:
    found = []
    for name in names:
        for count in range(4):
            arguments = ",".join("x" for _ in range(count))
            found += [f"{name}({arguments})", f"x.{name}({arguments})"]
    return found


NAMES = [*{**FUNCTIONS, **METHODS}, "has", "all", "exists", "map", "filter", "exists_one", "join"]
NAMES += ["find", "split", "lowerAscii", "existsOne", "in", "_+_", "math", "min", "abs", "isNaN"]
MORE = [
    foreign("expr_evaluate", b"", "nothing"),
    foreign("expr_evaluate", b"abc", "3 bytes"),
    foreign("expr_evaluate", b"abcde", "5 bytes"),
    foreign("expr_evaluate", struct.pack("<I", 999), "no such token"),
    foreign("expr_delete", b"abc", "delete 3 bytes"),
    foreign("expr_delete", struct.pack("<I", 999), "delete no such token"),
    foreign("expr_delete", struct.pack("<I", 0), "delete 0"),
    evaluate(0),
    create("1"),
]
EFFECTIVE = [  # Envoy logs these for the root context
    Call("proxy_set_effective_context", [1], "the root context"),
    prop("request.path"),
    prop("mine"),
    evaluate(0),
    create("request.path"),
    foreign("expr_delete", struct.pack("<I", 0), "delete 0"),
    evaluate(0),
    set_property(b"root's", b"v"),
    foreign("declare_property", declared("late"), "declare late"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    tables = {
        "values": expressions(VALUES),
        "failures": expressions(FAILURES),
        "attributes": expressions(ATTRIBUTES),
        "by chance": generated(1, 250),
        "functions": _calls_of(NAMES),
        "odd": [b"'\xff'", b"", b" ", b"\0", b"'a\0b'", "[" * 40 + "]" * 40, "1+" * 300 + "1"],
    }
    effective = Probe({"proxy_on_request_headers": [*_SET, create("request.path"), *EFFECTIVE]})
    around = replace(UP, node=NODE)
    scenarios = {
        name: Scenario(probe(sources, *MORE), REQUEST, around) for name, sources in tables.items()
    }
    scenarios["effective"] = Scenario(effective, REQUEST, around)
    folder: Path = tmp_path_factory.mktemp("expressions")
    return both(folder, scenarios, lambda bootstrap: bootstrap.update(node=NODE))


def _told(sources: Sequence[str | bytes], answered: Sequence[Answered]) -> list[str]:
    """What became of each expression, and in each callback, and the rest as it is."""
    created = [each for each in answered if each.label == "create"]
    told = []
    by_token: dict[str, str | bytes] = {}
    for source, each in zip(sources, created, strict=False):
        told.append(f"{source!r}: {each.status}")
        if each.status == 0:
            by_token[str(struct.unpack("<I", each.value or b"")[0])] = source
    for each in answered:
        source = by_token.get(each.label.partition(" ")[2], "")
        told.append(f"{source!r} {replace(each, value=_comparable(source, each.value))}")
    return told


def _comparable(source: str | bytes, value: bytes | None) -> bytes | None:
    if source in UNORDERED and value:
        return repr(sorted(decode_pairs(value))).encode()
    return value


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("values", expressions(VALUES)),
        ("failures", expressions(FAILURES)),
        ("attributes", expressions(ATTRIBUTES)),
        ("by chance", generated(1, 250)),
        ("functions", _calls_of(NAMES)),
        ("odd", []),
    ],
)
def test_expressions_are_the_same(results: Results, name: str, sources: list[str]) -> None:
    here, envoy = results[name]
    assert _told(sources, here) == _told(sources, envoy)


def test_an_effective_context_counts_for_attributes_and_not_for_expressions(
    results: Results,
) -> None:
    here, envoy = results["effective"]
    root = [each for each in results[""][1] if each.callback == "request_headers"]
    assert here == [*envoy, *root]
    assert [(each.label, each.status) for each in root[1:4]] == [
        ("request.path", 1),
        ("mine", 1),
        ("evaluate 0", 0),
    ]


def test_the_tables_have_values_and_failures(results: Results) -> None:
    statuses = {
        name: {each.status for each in envoy if each.label.startswith(("create", "evaluate"))}
        for name, (_, envoy) in results.items()
    }
    assert statuses["failures"] >= {0, 1, 2, 3, 10}
    values = [each for each in results["values"][1] if each.label.startswith("evaluate")]
    assert sum(each.status == 0 for each in values) > len(values) * 0.99 - 4


@pytest.mark.parametrize("source", expressions(REFUSED))
def test_what_can_not_be_said_rightly_ends_the_callback(source: str) -> None:
    module = Module.of(probe([source]).code())
    outcome = Filter(module, PluginConfig()).handle(REQUEST)
    assert outcome.failure is not None
    assert outcome.failure.reason.startswith("expr_")
