"""The oracle for what filters set themselves: properties, declared and not, and Envoy's objects.

Two requests go over one connection, so that it is seen what stays with it.
"""

from __future__ import annotations

from typing import Any

import pytest

from mesh_traffic import Body, Headers, Request
from tests.wasm_filters.engines import Results, Scenario, both, foreign, prop, set_property
from tests.wasm_filters.probe import Call, Probe
from tests.wasm_filters.wire import declared, field, filter_state
from wasm_filters.foreign.objects import OBJECTS

REQUEST = Request(
    "POST",
    "/hello",
    "test",
    "http",
    Headers.of({"content-length": "1", "x-forwarded-proto": "http"}),
    Body(b"x"),
)

_STRUCT = field(1, field(1, "k") + field(2, field(3, "v")))
_SCHEMA = "type.googleapis.com/"


def _declare(name: str, **how: Any) -> Call:
    return foreign("declare_property", declared(name, **how), f"declare {name} {how}")


def _object(path: str, value: str, span: int = 0) -> Call:
    arguments = filter_state(path, value, span)
    return foreign("set_envoy_filter_state", arguments, f"set {path} {value!r} {span}")


def _state(key: str, *more: str) -> Call:
    return prop("\0".join(["filter_state", key, *more]).encode())


_DECLARED = [
    _declare("once", readonly=True),
    _declare("once"),
    _declare("text", kind=1),
    _declare("duration", kind=3, schema=_SCHEMA + "google.protobuf.Duration"),
    _declare("struct", kind=3, schema=_SCHEMA + "google.protobuf.Struct"),
    _declare("locality", kind=3, schema=_SCHEMA + "envoy.config.core.v3.Locality"),
    _declare("list", kind=3, schema=_SCHEMA + "google.protobuf.ListValue"),
    _declare("any", kind=3, schema=_SCHEMA + "google.protobuf.Any"),
    _declare("unknown", kind=3, schema=_SCHEMA + "foo.Bar"),
    _declare("nothing", kind=3),
    _declare("kept", span=2),
    _declare("kept once", readonly=True, span=2),
    _declare("request's", span=1),
    _declare("no such kind", kind=7, span=9),
    _declare(""),
    foreign("declare_property", b"", "declare nothing"),
    foreign("declare_property", b"\xff\xff", "declare garbage"),
    _object("envoy.string", "root"),
    _object("envoy.bool", "neither"),
    _object("nope", "root"),
    set_property(b"root", b"1"),
]
_ANY = field(1, _SCHEMA + "google.protobuf.Int64Value") + field(2, field(1, 7))
_VALUES = {
    "duration": field(1, 5),
    "struct": _STRUCT,
    "locality": field(1, "reg"),
    "list": field(1, field(3, "v")),
    "any": _ANY,
    "unknown": field(1, "reg"),
    "nothing": field(1, "x"),
}
_SET = [
    *(prop(name) for name in ("kept", "kept once", "request's")),
    *(set_property(b"once", value) for value in (b"1", b"2")),
    prop("once"),
    set_property(b"text", b"str"),
    *(prop(name) for name in ("text", "text.x", "text.")),
    _state("wasm.text"),
]
for _name, _data in _VALUES.items():
    _SET += [
        prop(_name),
        set_property(_name.encode(), _data),
        *(prop(f"{_name}{end}") for end in ("", ".k", ".region", ".seconds", ".0", ".nope")),
        *(_state(f"wasm.{_name}", *end) for end in ((), ("k",), ("region",))),
        set_property(_name.encode(), b"\xff\xff"),
        *(prop(f"{_name}{end}") for end in ("", ".k")),
        _state(f"wasm.{_name}"),
    ]
_SET += [
    *(set_property(name, b"v") for name in (b"kept", b"kept once", b"request's", b"no such kind")),
    *(prop(name) for name in ("kept", "no such kind")),
    *(set_property(name, b"w") for name in (b"", b"a\0b", b"a.b", b"end\0", b"request", b"node")),
    *(prop(name) for name in (b"", b"\0", b"a\0b", b"a", b"a.b", b"end", b"end\0", b"node")),
    *(_state(name) for name in ("wasm.", "wasm.request", "wasm.nope", "")),
    *(set_property(name, b"fake") for name in (b"plugin_name", b"request\0path")),
    *(prop(name) for name in ("plugin_name", "request.path")),
    set_property(b"empty", b""),
    prop("empty"),
]
_SPANS = [
    *(_object("envoy.string", value) for value in ("a", "b")),
    _state("envoy.string"),
    *(_object("envoy.string", value, span) for value, span in (("c", 2), ("d", 1))),
    _state("envoy.string"),
    _state("envoy.hashable_string"),
    _object("envoy.hashable_string", "h", 2),
    _state("envoy.hashable_string"),
    _object("envoy.bool", "true", 9),
    *(_state("envoy.bool", *end) for end in ((), ("x",))),
    *(_object(path, "x") for path in ("nope", "", "wasm.x")),
    foreign("set_envoy_filter_state", b"\xff\xff", "garbage"),
    foreign("set_envoy_filter_state", field(1, "envoy.string") + field(2, b"\xff"), "not UTF-8"),
    _state("envoy.string"),
]
_LATE = [set_property(b"late", b"1"), prop("late"), prop("once"), prop("kept")]
STATE = Probe(
    {
        "proxy_on_configure": _DECLARED,
        "proxy_on_context_create": [_declare("in a request", readonly=True)],
        "proxy_on_request_headers": _SET,
        "proxy_on_request_body": _SPANS,
        "proxy_on_response_headers": [
            _declare("too late", readonly=True),
            *(
                set_property(name, v)
                for name in (b"too late", b"in a request")
                for v in (b"1", b"2")
            ),
            *(prop(name) for name in ("too late", "in a request", "once", "request's")),
        ],
        "proxy_on_log": _LATE,
        "proxy_on_done": _LATE,
        "proxy_on_delete": _LATE[1:],
    }
)


TEXTS = (
    "", "abc", "true", "TRUE", "t", "yes", " true", "1", "0", "-1", "+5", " 5 ", "1_0", "0x5",
    "80", "65536", "4294967295", "4294967296", "18446744073709551615", "18446744073709551616",
    "1.5", "10.0.0.1", "010.0.0.1", "::1", "[::1]", "::ffff:1.2.3.4", "1.2.3", "10.0.0.1:80",
    "10.0.0.1:080", "10.0.0.1:65536", "[::1]:80", "[10.0.0.1]:80", "[::1%lo]:80", "::1:80",
    " 10.0.0.1:80", "h2,http/1.1", "a, b,,", "host:80,10.0.0.1:80", ",10.0.0.1:80", "a,10.0.0.1",
    "a,b,10.0.0.1:80", "OPENAI_RESPONSES", "openai_responses", "GEMINI_GENERATE_CONTENT",
)  # fmt: skip


_FIELDS = ((), ("ip",), ("port",), ("llm_protocol",), ("nope",))


def _objects(keys: list[str]) -> Probe:
    calls = []
    for key in keys:
        for text in TEXTS:
            calls.append(_object(key, text))
        for text in ("10.0.0.1:80", "[::1]:80", "10.0.0.1", "80", "true", "OPENAI_RESPONSES"):
            calls += [_object(key, text), *(_state(key, *end) for end in _FIELDS)]
    return Probe({"proxy_on_request_headers": calls})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    keys = list(OBJECTS)
    scenarios = {"state": Scenario(STATE, REQUEST, times=2)}
    for at in range(0, len(keys), 7):
        scenarios[f"objects {at // 7}"] = Scenario(_objects(keys[at : at + 7]), REQUEST)
    return both(tmp_path_factory.mktemp("state"), scenarios)


def test_what_filters_set_is_found_alike(results: Results) -> None:
    here, envoy = results["state"]
    assert here == envoy


@pytest.mark.parametrize("name", ["objects 0", "objects 1", "objects 2"])
def test_envoys_objects_are_made_of_the_same_texts(results: Results, name: str) -> None:
    here, envoy = results[name]
    assert here == envoy


def test_every_object_is_made_of_some_text_and_most_refuse_one(results: Results) -> None:
    made, refused = set(), set()
    for name in ("objects 0", "objects 1", "objects 2"):
        for each in results[name][1]:
            if each.label.startswith("set "):
                (made if each.status == 0 else refused).add(each.label.split()[1])
    assert made == set(OBJECTS)
    assert len(refused) == 11
