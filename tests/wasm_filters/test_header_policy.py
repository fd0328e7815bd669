"""Our filter, in both engines: the same requests through wasmtime and through a real Envoy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import wasm_filters
from mesh_traffic import Headers, Request
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.rig import open_rig
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.both_engines import (
    ANSWER,
    InEnvoy,
    Sent,
    assert_the_same,
    through,
    through_envoy,
)
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.worker import Worker

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
REQUESTS = {
    "passed": Sent([("X-Debug", "1"), ("accept", "*/*"), ("x-seen-by", "client")]),
    "with a body": Sent([("x-plan", "gold")], "/api?x=1", "POST", b"hello"),
    "denied by path": Sent([], "/admin/users"),
    "denied by header": Sent([("X-Attack", "1")]),
    "denied by both": Sent([("x-plan", "expired")], "/api/v1", "POST", b"hello"),
    "denied to a head request": Sent([], "/admin", "HEAD"),
}


def load(policy: object = POLICY) -> Filter:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    return Filter.load(WASM, text.encode())


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> InEnvoy:
    folder = tmp_path_factory.mktemp("envoy")
    return through_envoy(folder, WASM, json.dumps(POLICY), REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_engines_agree(envoy: InEnvoy, name: str) -> None:
    assert_the_same(through(load(), REQUESTS[name]), envoy.exchanged[name])


def test_both_engines_log_the_same(envoy: InEnvoy) -> None:
    filter_ = load()
    logs = [log.message for sent in REQUESTS.values() for log in through(filter_, sent).logs]
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


def _adding(number: int) -> bytes:
    return json.dumps({"request": {"add": {f"x-{number}": "1"}}}).encode()


PAIRS = {  # two of them in one chain: (name, root_id, vm_id) of each, and what they add
    "in one VM": ([("a", "", "one"), ("b", "", "one")], ["x-2", "x-2"]),
    "in one VM with two root_ids": ([("a", "x", "two"), ("b", "y", "two")], ["x-2", "x-2"]),
    "in a VM each": ([("a", "", "three"), ("b", "", "four")], ["x-1", "x-2"]),
}


def test_in_one_vm_the_last_configuration_counts_in_both_engines(tmp_path: Path) -> None:
    """Both engines tell the module of two plugins; its SDK has one root context for all."""
    configs = {
        name: [
            PluginConfig(plugin, root_id, _adding(number), vm_id)
            for number, (plugin, root_id, vm_id) in enumerate(pair, 1)
        ]
        for name, (pair, _) in PAIRS.items()
    }
    code = WASM.read_bytes()
    chains = {name: [WasmFilter(code, one) for one in pair] for name, pair in configs.items()}

    async def there() -> dict[str, Headers]:
        async with open_rig(needs_envoy(), Layout(chains), tmp_path) as rig:
            every = {name: await rig.exchange(name, Request(authority="test")) for name in chains}
        return {name: one.upstream[0].headers for name, one in every.items()}

    envoy = asyncio.run(there())
    for name, pair in configs.items():
        worker, module = Worker(), Module.of(code)
        outcome = HttpChain(worker, [worker.plugin(module, one) for one in pair]).handle(Request())
        assert outcome.request is not None
        assert _added(outcome.request.headers) == _added(envoy[name]) == PAIRS[name][1]


def _added(headers: Headers) -> list[str]:
    return [name for name, _ in headers if name in ("x-1", "x-2")]
