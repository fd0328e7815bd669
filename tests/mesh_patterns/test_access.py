from __future__ import annotations

import pytest

from mesh_patterns.access import Caller, access_holds, admits, as_match, guards
from mesh_patterns.policy import Access, Authorization
from mesh_patterns.promises import example
from mesh_traffic import Headers, Request
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read

GET = StringMatch("exact", "GET")
PUB = StringMatch("separated_prefix", "/pub")
ADMIN = ("x-role", StringMatch("exact", "admin"))
WEB = "spiffe://shop/web"
CALLER = Caller(WEB)


def asked(method: str = "GET", path: str = "/", **headers: str) -> Request:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, path, "api", headers=Headers.of(fields))


@pytest.mark.parametrize(
    ("rule", "request_", "holds"),
    [
        (Access(), asked(), True),
        (Access(methods=(GET,)), asked("PUT"), False),
        (Access(methods=(GET, StringMatch("exact", "PUT"))), asked("PUT"), True),
        (Access(paths=(PUB,)), asked(path="/pub/a?b=c"), True),
        (Access(paths=(PUB,)), asked(path="/x?/pub"), False),
        (Access(hosts=(StringMatch("prefix", "ap"),)), asked(), True),
        (Access(hosts=(StringMatch("exact", "web"),)), asked(), False),
        (Access(headers=(ADMIN,)), asked(x_role="admin"), True),
        (Access(methods=(GET,), headers=(ADMIN,)), asked("PUT", x_role="admin"), False),
        (Access(headers=(("x-role", StringMatch("present", invert=True)),)), asked(), True),
        (Access(principals=(WEB, "spiffe://shop/b")), asked(), True),
        (Access(principals=("spiffe://shop/b",)), asked(), False),
        (Access(ip_blocks=("10.0.0.0/8", "127.0.0.0/8")), asked(), True),
        (Access(ip_blocks=("::/0",)), asked(), False),
        (Access(remote_ip_blocks=("10.0.0.0/8",)), asked(), False),
    ],
)
def test_a_rule_is_about_what_has_all_of_it(rule: Access, request_: Request, holds: bool) -> None:
    assert access_holds(rule, request_, CALLER) is holds


@pytest.mark.parametrize(
    ("guard", "admitted"),
    [
        (Authorization("allow", ()), False),
        (Authorization("allow", (), dry_run=True), True),
        (Authorization("allow", (Access(methods=(GET,)),)), True),
        (Authorization("deny", (Access(paths=(PUB,)), Access(methods=(GET,)))), False),
        (Authorization("deny", (Access(paths=(PUB,)),)), True),
    ],
)
def test_allow_lets_its_own_pass_and_deny_the_others(guard: Authorization, admitted: bool) -> None:
    assert admits(guard, asked(), CALLER) is admitted


def test_an_example_of_a_rule_is_a_request_that_it_is_about() -> None:
    rule = Access(methods=(StringMatch("exact", "PUT"),), paths=(PUB,), headers=(ADMIN,))
    request = example(as_match(rule), "api")
    assert request is not None
    assert access_holds(rule, request, CALLER)
    assert (request.method, request.path) == ("PUT", "/pub")


def test_a_guard_is_of_a_service_or_of_a_version(read: Read) -> None:
    draft = read("""\
        mesh: {services: {web: {versions: {v1: , v2: }}, api: }}
        patterns:
        - {pattern: authorization, on: web, allow: []}
        - {pattern: authorization, on: web/v2, deny: {methods: GET}}
        - {pattern: fault, on: web, abort: {status: 500}}
    """)
    found = [(guard.action, version) for guard, version in guards(draft, "web")]
    assert found == [("allow", None), ("deny", "v2")]
    assert not list(guards(draft, "api"))
