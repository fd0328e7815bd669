"""Requests by seed, made of a filter's own words."""

from __future__ import annotations

from pathlib import Path

import wasm_filters
from mini_mesh.differ.generate import generate
from mini_mesh.differ.learn import learn
from mini_mesh.differ.vocabulary import Vocabulary
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.module import Module

POLICY = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
WORDS = Vocabulary({"x-plan": None}, {"/admin": None}, {"expired": None})


def test_a_seed_makes_the_same_requests_always() -> None:
    assert generate(7, 50, WORDS) == generate(7, 50, WORDS)
    assert generate(7, 50, WORDS)[:10] == generate(7, 10, WORDS)
    assert generate(8, 10, WORDS) != generate(7, 10, WORDS)


def test_they_are_of_every_kind() -> None:
    cases = generate(0, 400, WORDS)
    requests = [case.request for case in cases]
    assert {"GET", "HEAD", "POST", "DELETE"} <= {request.method for request in requests}
    assert any(request.trailers for request in requests)
    assert any("transfer-encoding" in request.headers for request in requests)
    assert any(len(request.body.data) > 60_000 for request in requests)
    assert any(case.sizes for case in cases)
    assert any(case.answer.trailers for case in cases)
    repeated = (request.headers for request in requests)
    assert any(len({name for name, _ in headers}) < len(headers) for headers in repeated)


def test_they_use_the_words_of_the_filter() -> None:
    requests = [case.request for case in generate(0, 200, WORDS)]
    assert any(request.path.startswith("/admin") for request in requests)
    assert any("expired" in request.headers.get_all("x-plan") for request in requests)


def test_a_filter_is_asked_for_its_words() -> None:
    calls = [
        Call("proxy_get_header_map_value", [0, b"X-Plan", Out.TEXT]),
        Call("proxy_get_header_map_value", [0, 0x7FFFFFFF, 5, Out.TEXT], "outside of memory"),
        Call("proxy_remove_header_map_value", [0, b"x-gone"]),
        Call("proxy_get_property", [b"request\0headers\0x-asked", Out.TEXT]),
        Call("proxy_get_property", [b"request\0path", Out.TEXT]),
    ]
    module = Module.of(Probe({"proxy_on_request_headers": calls}).code())
    words = learn([(module, PluginConfig())])
    assert list(words.names) == ["x-plan", "x-gone", "x-asked"]


def test_a_configuration_speaks_too() -> None:
    policy = b'{"deny": [{"path": "/admin", "header": "X-Plan", "value": "Expired"}]}'
    words = learn([(Module.load(POLICY), PluginConfig(configuration=policy))])
    assert "/admin" in words.paths
    assert "x-plan" in words.names
    assert "Expired" in words.values
