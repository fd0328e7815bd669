from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.ext_authz.rules import Allow, CheckRule, Deny
from mesh_patterns.policy import Access
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh: {services: {web: {calls: [api]}, api: , judge: {protocol: grpc}, ask: , db: {protocol: tcp}}}
patterns:
"""


def test_meshlooms_own_service_is_asked_by_a_policy_of_its_own(read: Read) -> None:
    draft = read(f"""\
{MESH}
- {{pattern: mtls, on: api, mode: strict, trust_domain: shop}}
- pattern: ext_authz
  on: api
  otherwise: allow
  rules:
  - {{when: {{from: web, paths: /a/*}}, allow: {{set: {{X-A: 1}}, remove: X-B}}}}
  - {{when: {{not: {{from: '*'}}}}, deny: {{status: 401, body: who}}}}
  - {{when: {{methods: PUT}}, deny: true}}
  - {{allow: true}}
""")
    (asked,) = draft.filters
    (told,) = draft.beside["ext_authz"]
    assert (asked.asks, asked.config.policy) == (("ext_authz",), told.value.name)
    assert told.value.rules == (
        CheckRule(
            Access(principals=("spiffe://shop/web",), paths=(StringMatch("prefix", "/a/"),)),
            allow=Allow(set=(("x-a", "1"),), remove=("x-b",)),
        ),
        CheckRule(Access(none_of=Access(principals=("*",))), deny=Deny(401, "who")),
        CheckRule(Access(methods=(StringMatch("exact", "PUT"),)), deny=Deny()),
        CheckRule(allow=Allow()),
    )
    assert told.value.otherwise == CheckRule(allow=Allow())


def test_a_function_in_a_file_is_another_one_when_the_file_changes(
    read: Read, tmp_path: Path
) -> None:
    asked = f"{MESH}- {{pattern: ext_authz, on: api, call: 'mine.py:go'}}"
    names = []
    for text in ("def go(): ...", "def go(): pass"):
        (tmp_path / "mine.py").write_text(text)
        draft = read(asked)
        names.append(draft.filters[0].config.policy)
        assert (tmp_path / "mine.py").resolve() in draft.files
    assert names[0] != names[1]


def test_a_service_is_asked_as_it_speaks(read: Read) -> None:
    draft = read(f"""\
{MESH}
- {{pattern: ext_authz, on: web -> api, service: judge, body: {{max_bytes: 10}}, send: [X-A]}}
- {{pattern: ext_authz, on: web, service: ask, prefix: /check, keep: x-user, on_failure: allow}}
""")
    by_grpc, by_http = (each.config for each in draft.filters)
    assert (by_grpc.service, by_grpc.grpc, by_grpc.send) == (Target("judge"), True, ("x-a",))
    assert (by_http.service, by_http.grpc, by_http.prefix) == (Target("ask"), False, "/check")
    assert by_http.optional
    assert draft.filters[1].calls == (Target("ask"),)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("on: api", "expected rules or call, or else a service"),
        ("on: api, service: judge, call: 'a:b'", "expected rules or call, or else a service"),
        ("on: api, rules: {allow: true}, prefix: /x", "prefix and keep are of a service"),
        ("on: api, service: judge, prefix: /x", "'judge' is asked by gRPC, which has no such"),
        ("on: api, service: db", "'db' takes no requests; nobody can ask it"),
        ("on: api, service: jugde", "no service 'jugde'; did you mean 'judge'?"),
        ("on: api, rules: {}", "expected one of allow and deny"),
        ("on: api, rules: {allow: true, deny: true}", "expected one of allow and deny"),
        ("on: api, rules: {deny: 100}", "should be greater than or equal to 200, got 100"),
        ("on: api, call: 'a b'", "expected file.py:function or module:function, got 'a b'"),
        ("on: api, call: 'none.py:go'", "can't read"),
        ("on: api, rules: {when: {from: wed}, deny: true}", "no service 'wed'"),
        ("on: api, rules: {when: {from: web}, deny: true}", "mutual TLS of 'api' is not on"),
        (
            "on: web -> api, rules: {when: {from: web}, deny: true}",
            "at a caller's Envoy it is always the caller who asks",
        ),
        ("on: api, rules: {when: {ports: 80}, deny: true}", "the port is the machine's affair"),
        ("on: web -> api, unless: /x, rules: {allow: true}", "stands before a service only"),
    ],
)
def test_what_nobody_can_be_asked_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: ext_authz, {keys}}}")
