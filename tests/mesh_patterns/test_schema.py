"""The JSON Schema and the models are of one mind: what editors accept is what ``check`` accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mesh_patterns.importers.dialects import is_foreign
from mesh_patterns.schema import DIALECT, language
from mesh_yaml import yaml
from tests.mesh_patterns.conftest import Read, Refusal

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "mesh_patterns/catalog", ROOT / "examples", ROOT / "tests/mesh_patterns/data/in")
FILES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.yaml"))]
VALIDATOR = jsonschema.Draft202012Validator(language())
WEB = "mesh: {services: {web: {versions: {v1: , v2: }}, api: {calls: [web]}}}\n"


def accepted(text: str) -> bool:
    return all(VALIDATOR.is_valid(node.plain()) for node in yaml.parse(text, "m.yaml"))


def test_the_schema_is_one() -> None:
    schema = language()
    assert schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_we_ship_is_accepted(path: Path) -> None:
    for node in yaml.read(path):
        if not is_foreign(node):
            errors = [error.message for error in VALIDATOR.iter_errors(node.plain())]
            assert errors == []


SUGAR = [
    "name: x",
    "mesh: {services: {web: , api: {ingress: 8080}, c: {ingress: false, versions: {v1: }}}}",
    "vars: {a: 1, b: [x]}\nmesh: {services: {web: {port: '${a}', ingress: '${a}'}}}",
    "patterns: [{pattern: canary, on: web, weights: {v1: 90, v2: 10}}]",
    "patterns: [{pattern: canary, on: web, weights: {v1: '${a}', v2: 10}, override: '${b}'}]",
    "patterns: [{pattern: retries, on: web, retry_on: '5xx,reset', per_try_timeout: '${t}'}]",
    "patterns: [{pattern: retries, on: web, retry_on: [5xx, 503], attempts: 0}]",
    "patterns: [{pattern: timeout, on: web, after: 1m30s}]",
    "patterns: [{pattern: fault, on: web, abort: {status: 503, percent: 10%}, delay: {fixed: 1s}}]",
    "patterns: [{pattern: fault, on: web, when: {headers: {a: 1}}, abort: {grpc_status: 3}}]",
    "patterns: [{pattern: mirror, on: web, to: v2, percent: 0.5}]",
    "patterns: [{pattern: wasm, on: web, file: x.wasm, configuration: {a: [1, null]}}]",
    "patterns: [{pattern: route, on: web, rules: [{to: v1}, {to: {v1: 1, v2: 2}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {path: /x, method: GET}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: [{path: /}, {query: {a: 1}}]}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {headers: {a: true, b: {exact: 5}}}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{headers: {request: {set: {a: 1}}}}]}]",
    "patterns: [{pattern: circuit_breaker, on: web, max_requests: '${n}'}]",
    "patterns: [{pattern: outlier_detection, on: web, success_rate: true, interval: 1s}]",
    "patterns: [{pattern: outlier_detection, on: web, failure_percentage: 50%}]",
    "patterns: [{pattern: load_balancing, on: web, hash: header:x-user}]",
    "patterns: [{pattern: load_balancing, on: web, hash: {cookie: a, ttl: 0s}}]",
    "patterns: [{pattern: load_balancing, on: web, hash: [source_ip, {query: q}]}]",
    "patterns: [{pattern: authorization, on: web, allow: [], deny: {methods: PUT}}]",
    "patterns: [{pattern: authorization, on: web, allow: [{paths: /*, hosts: {suffix: .x}}]}]",
    "patterns: [{pattern: authorization, on: web, deny: {headers: {a: 1}, ip_blocks: '::1'}}]",
    "expect: [{to: web, status: 200}]",
    "expect: [{to: web, status: {200: 99%..100%, 503: 5}, share: {v1: '<= 3'}, within: 1s..2s}]",
    "expect: [{to: web, from: api, headers: {a: 1, b: true}, response_headers: {x: y}}]",
    "use:\npatterns:\nexpect:\nvars: {}",
]


@pytest.mark.parametrize("text", SUGAR)
def test_every_short_form_is_accepted(text: str) -> None:
    assert accepted(text)


WRONG = [
    "names: x",
    "mesh: {service: {}}",
    "mesh: {dataplane: nodes, services: {web: }}",
    "mesh: {services: {'a b': }}",
    "mesh: {services: {a: {port: 0}}}",
    "mesh: {services: {a: {port: 70000}}}",
    "mesh: {services: {a: {runs: x}}}",
    "mesh: {services: {a: {calls: b}}}",
    "mesh: {services: {a: {hosts: ['a b']}}}",
    "mesh: {services: {a: {ingress: {hosts: []}}}}",
    "patterns: {}",
    "patterns: [{on: web}]",
    "patterns: [{pattern: canari, on: web}]",
    "patterns: [{pattern: timeout, on: web}]",
    "patterns: [{pattern: timeout, on: web, after: 5}]",
    "patterns: [{pattern: timeout, on: web, after: 5 s}]",
    "patterns: [{pattern: timeout, on: web, after: 5s, aftr: 1s}]",
    "patterns: [{pattern: canary, on: web, weights: {}}]",
    "patterns: [{pattern: canary, on: web, weights: {v1: many}}]",
    "patterns: [{pattern: retries, on: web, attempts: -1}]",
    "patterns: [{pattern: retries, on: web, retry_on: [[]]}]",
    "patterns: [{pattern: circuit_breaker, on: web, max_requests: -1}]",
    "patterns: [{pattern: outlier_detection, on: web, interval: 5}]",
    "patterns: [{pattern: load_balancing, on: web, policy: magic}]",
    "patterns: [{pattern: load_balancing, on: web, hash: {headers: a}}]",
    "patterns: [{pattern: authorization, on: web, allow: {path: /}}]",
    "patterns: [{pattern: authorization, on: web, deny: [{ip_blocks: [[]]}]}]",
    "patterns: [{pattern: mirror, on: web, to: v1, percent: 101}]",
    "patterns: [{pattern: mirror, on: web, to: v1, percent: ten}]",
    "patterns: [{pattern: fault, on: web, abort: {status: 700}}]",
    "patterns: [{pattern: fault, on: web, side: both, abort: {status: 500}}]",
    "patterns: [{pattern: wasm, on: web}]",
    "patterns: [{pattern: wasm, on: web, file: x, on_trap: panic}]",
    "patterns: [{pattern: route, on: web, rules: []}]",
    "patterns: [{pattern: route, on: web, rules: [{match: 5}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {paths: /}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {path: {exact: /, invert: true}}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {query: {a: {invert: true}}}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{match: {headers: {a: {prefix: ''}}}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{redirect: {status: 200}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{redirect: {port: 0}}]}]",
    "patterns: [{pattern: route, on: web, rules: [{to: {v1: -1}}]}]",
    "patterns: [{pattern: route, on: web, otherwise: maybe, rules: [{to: v1}]}]",
    "expect: [{to: web, status: true}]",
    "expect: [{to: web, status: 200, send: -1}]",
    "expect: [{to: web, status: 200, engines: [v8]}]",
    "expect: [{to: web, stat: 200}]",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_the_models_refuse_the_schema_refuses(refusal: Refusal, text: str) -> None:
    assert refusal(text if text.startswith(("mesh", "names")) else WEB + text)
    assert not accepted(text)


def test_every_key_of_a_pattern_says_what_it_is_or_is_named_after_it() -> None:
    definitions: dict[str, Any] = language()["$defs"]
    assert {"MeshSpec", "ClaimSpec", "RouteSpec", "CanarySpec", "WasmSpec"} <= set(definitions)
    assert "on" in definitions["CanarySpec"]["required"]


def test_what_a_short_form_means_the_models_accept(read: Read) -> None:
    for text in SUGAR:
        if "${" not in text and "wasm" not in text and not text.startswith("mesh"):
            assert read(WEB + text)
