"""Our filter, in both engines: the same requests through wasmtime and through a real Envoy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import wasm_filters
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.rig import Exchanged
from tests.wasm_filters.real_envoy import Fields, WasmFilter, envoy_with_filters
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.module import Module

WASM = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
POLICY = {
    "request": {
        "remove": ["x-debug"],
        "set": {"x-mesh": "meshloom", "accept": "text/plain"},
        "add": {"X-Seen-By": "filter", "x-sign": "✓"},
    },
    "response": {"remove": ["x-powered-by"], "set": {"x-filter": "header_policy"}},
    "deny": [
        {"path": "/admin"},
        {"path": "/api", "header": "x-plan", "value": "expired", "status": 402, "body": "pay\n"},
        {"header": "x-attack"},
    ],
}
ANSWER = Response(
    200,
    Headers.of({"content-length": "2", "date": "now", "server": "up", "x-powered-by": "x"}),
    Body(b"ok"),
)
REQUESTS: dict[str, tuple[str, str, Fields, bytes]] = {
    "passed": ("GET", "/", [("X-Debug", "1"), ("accept", "*/*"), ("x-seen-by", "client")], b""),
    "with a body": ("POST", "/api?x=1", [("x-plan", "gold")], b"hello"),
    "denied by path": ("GET", "/admin/users", [], b""),
    "denied by header": ("GET", "/", [("X-Attack", "1")], b""),
    "denied by both": ("POST", "/api/v1", [("x-plan", "expired")], b"hello"),
    "denied to a head request": ("HEAD", "/admin", [], b""),
}


def load(policy: object = POLICY) -> Filter:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    return Filter.load(WASM, text.encode())


@dataclass(frozen=True)
class Engines:
    envoy: dict[str, Exchanged] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    filters = {"policy": WasmFilter(WASM.read_bytes(), json.dumps(POLICY))}
    with envoy_with_filters(tmp_path_factory.mktemp("envoy"), filters, ANSWER) as running:
        found = {name: running.request("policy", *sent) for name, sent in REQUESTS.items()}
    return Engines(found, running.logs("policy"))


@pytest.mark.parametrize("name", REQUESTS)
def test_both_engines_agree(envoy: Engines, name: str) -> None:
    method, path, fields, body = REQUESTS[name]
    lengths = [("content-length", str(len(body)))] if body else []
    sent = Headers.of([*fields, *lengths, ("x-forwarded-proto", "http")])
    here = load().handle(
        Request(method, path, "test", "http", sent, Body(body)), lambda request: ANSWER
    )
    there = envoy.envoy[name]
    answer = there.received.message
    assert answer is not None
    assert here.response is not None
    assert answer.status == here.status
    assert answer.body == here.response.body.data
    added = {"date", "connection"} if here.local_reply else set()
    got = [pair for pair in answer.headers if pair[0].lower() not in added]
    assert got == list(here.response.headers)
    if here.request is None:
        assert there.upstream == ()
    else:
        (seen,) = there.upstream
        assert list(seen.headers) == [("host", "test"), *here.request.headers]
        assert seen.body == here.request.body.data


def test_both_engines_log_the_same(envoy: Engines) -> None:
    filter_ = load()
    logs = []
    for method, path, fields, body in REQUESTS.values():
        request = Request(method, path, "test", "http", Headers.of(fields), Body(body))
        logs += [log.message for log in filter_.handle(request).logs]
    assert (
        logs == envoy.logs == ["denied /admin/users", "denied /", "denied /api/v1", "denied /admin"]
    )


def test_without_configuration_it_changes_nothing() -> None:
    outcome = load("").handle(Request(headers=Headers.of({"a": "b"})), lambda request: ANSWER)
    assert outcome.request is not None
    assert outcome.request.headers.fields == (("a", "b"),)
    assert outcome.response is not None
    assert outcome.response.headers == ANSWER.headers


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("{", "at 1: found the end, expected a string"),
        ('{"request" {}}', "at 11: found '{', expected :"),
        ('{"request": {}} x', "at 16: found 'x', expected nothing more"),
        ('{"deny": [{"path": "/", }]}', "at 24: found '}', expected a string"),
        ('{"request": {}, "request": {}}', "at 26: found ' ', expected each key once"),
        ("[]", "the configuration: expected an object"),
        ('{"reqest": {}}', "the configuration: unknown key 'reqest': expected one of request"),
        ('{"request": {"set": {"a": 1}}}', "request.set.a: expected a string"),
        ('{"deny": [{"body": "no"}]}', "deny[0]: expected a path or a header"),
        ('{"deny": [{"path": "/", "status": 99}]}', "deny[0].status: expected 200 to 599"),
        ("[" * 40, "expected fewer levels"),
        ('"\\q"', "at 2: found 'q', expected an escape"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(policy: str, why: str) -> None:
    with pytest.raises(PluginError) as caught:
        load(policy)
    assert "refused the configuration; its last log: header_policy: " in str(caught.value)
    assert why in str(caught.value)


def test_escapes_in_the_configuration_are_read() -> None:
    policy = {"response": {"set": {"x": 'a"b\\c/dé☃'}}}
    for text in (json.dumps(policy), json.dumps(policy, ensure_ascii=False)):
        outcome = load(text).handle(Request())
        assert outcome.response is not None
        assert outcome.response.headers.get("x") == 'a"b\\c/dé☃'


def test_it_is_small_enough_to_keep() -> None:
    assert WASM.stat().st_size < 64 * 1024
    assert Module.load(WASM).version.value == "0.2.1"
