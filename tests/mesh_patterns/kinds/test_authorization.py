from __future__ import annotations

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.policy import Access, Authorization
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
name: Shop
mesh: {services: {web: {calls: [api]}, api: {versions: {v1: , v2: }}}}
patterns:
"""
STRICT = "- {pattern: mtls, on: api, mode: strict}\n"


@pytest.mark.parametrize(
    ("on", "workloads"),
    [
        ("api", [Target("api")]),
        ("api/v2", [Target("api", "v2")]),
        ("'*'", [Target("web"), Target("api")]),
    ],
)
def test_it_stands_before_the_workloads_that_it_names(
    read: Read, on: str, workloads: list[Target]
) -> None:
    draft = read(f"{MESH}- {{pattern: authorization, on: {on}, allow: []}}")
    assert [each.inbound for each in draft.filters] == workloads
    assert {each.kind for each in draft.filters} == {"authorization"}
    assert draft.filters[0].config == Authorization("allow", ())


def test_what_is_denied_is_looked_at_before_what_is_allowed(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: authorization, on: api, allow: {{methods: GET}}, "
        "deny: [{paths: /private}, {headers: {X-Role: guest}}], dry_run: true}"
    )
    assert [(each.name, each.config) for each in draft.filters] == [
        (
            "authorization.deny",
            Authorization(
                "deny",
                (
                    Access(paths=(StringMatch("separated_prefix", "/private"),)),
                    Access(headers=(("x-role", StringMatch("exact", "guest")),)),
                ),
                dry_run=True,
            ),
        ),
        (
            "authorization.allow",
            Authorization("allow", (Access(methods=(StringMatch("exact", "GET"),)),), dry_run=True),
        ),
    ]
    assert [str(each.place) for each in draft.filters] == ["mesh.yaml:4:66", "mesh.yaml:4:44"]


def test_a_rule_may_say_everything_of_a_request(read: Read) -> None:
    draft = read(f"""\
{MESH}
- pattern: authorization
  on: api
  allow:
    methods: [GET, {{exact: PUT}}]
    paths: ["/pub/*", "*.html", "*", /tree, {{regex: "/v[0-9]"}}]
    hosts: {{suffix: .shop}}
    headers: {{x-a: {{present: false}}}}
    ip_blocks: [10.1.2.3/8, "::1"]
    remote_ip_blocks: 192.0.2.1
""")
    assert draft.filters[0].config.rules == (
        Access(
            methods=(StringMatch("exact", "GET"), StringMatch("exact", "PUT")),
            paths=(
                StringMatch("prefix", "/pub/"),
                StringMatch("suffix", ".html"),
                StringMatch("prefix", "/"),
                StringMatch("separated_prefix", "/tree"),
                StringMatch("regex", "/v[0-9]"),
            ),
            hosts=(StringMatch("suffix", ".shop"),),
            headers=(("x-a", StringMatch("present", invert=True)),),
            ip_blocks=("10.0.0.0/8", "::1/128"),
            remote_ip_blocks=("192.0.2.1/32",),
        ),
    )


def test_a_caller_is_known_where_mutual_tls_is_strict(read: Read) -> None:
    allowed = "- {pattern: authorization, on: api, allow: [{from: [web, client, ingress]}]}\n"
    draft = read(MESH + allowed + STRICT)
    names = ("spiffe://shop/web", "spiffe://shop/client", "spiffe://shop/ingress")
    assert draft.filters[0].config.rules == (Access(principals=names),)


@pytest.mark.parametrize(
    ("mtls", "because"),
    [
        ("", "is not on"),
        ("- {pattern: mtls, on: web, mode: strict}\n", "is not on"),
    ],
)
def test_without_certificates_a_caller_can_not_be_named(
    refusal: Refusal, mtls: str, because: str
) -> None:
    allowed = "- {pattern: authorization, on: api, allow: {from: web}}\n"
    assert refusal(MESH + allowed + mtls) == (
        "4:51: 'from' needs certificates of the callers, but mutual TLS of 'api' "
        f"{because}; add {{pattern: mtls, on: api, mode: strict}}"
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("on: api", "4:3: refuses nothing; expected 'allow' or 'deny'"),
        ("on: api, deny: []", "refuses nothing; expected 'allow' or 'deny'"),
        (
            "on: web -> api, deny: {methods: PUT}",
            "4:32: authorization stands before a service: use 'on: api' and 'from: web'",
        ),
        ("on: apu, deny: {methods: PUT}", "no service 'apu'; did you mean 'api'?"),
        ("on: api, allow: {methods: []}", "methods is empty, which is nobody; leave it out"),
        ("on: api, allow: {headers: {}}", "headers is empty, which is nobody; leave it out"),
        (
            "on: api, allow: {paths: '/a*b'}",
            "a '*' stands at the end or at the beginning, got '/a*b'",
        ),
        ("on: api, allow: {paths: 'pub*'}", "a path begins with '/', got 'pub'"),
        ("on: api, allow: {paths: '/a?b'}", "the query is no part of a path"),
        (
            "on: api, allow: {ip_blocks: here}",
            "expected an address or a network such as 10.0.0.0/8",
        ),
        ("on: api, allow: {ip_block: here}", "unknown key 'ip_block'; did you mean 'ip_blocks'?"),
        ("on: api, allow: {from: []}", "from is empty, which is nobody; leave it out"),
    ],
)
def test_what_no_authorization_can_be_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: authorization, {keys}}}")


def test_an_unknown_caller_is_refused(refusal: Refusal) -> None:
    allowed = "- {pattern: authorization, on: api, allow: {from: wed}}\n"
    assert refusal(MESH + STRICT + allowed) == "5:51: no service 'wed'; did you mean 'web'?"


def test_a_rule_may_except_what_it_is_not_about(read: Read) -> None:
    rule = "{from: '*', not: {from: web, methods: [PUT], paths: /private, hosts: Example.com}}"
    draft = read(f"{MESH}{STRICT}- {{pattern: authorization, on: api, allow: {rule}}}")
    (access,) = draft.filters[0].config.rules
    assert access.principals == ("*",)
    assert access.none_of == Access(
        principals=("spiffe://shop/web",),
        methods=(StringMatch("exact", "PUT"),),
        paths=(StringMatch("separated_prefix", "/private"),),
        hosts=(StringMatch("exact", "Example.com"),),
    )


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        ("allow: {from: web}", False),
        ("deny: {from: web}", True),
        ("allow: {not: {from: web}}", True),
        ("deny: {not: {from: web}}", False),
    ],
)
def test_who_has_no_name_is_told_where_he_is_not_kept_out(
    read: Read, rule: str, warned: bool
) -> None:
    permissive = STRICT.replace("strict", "permissive")
    draft = read(f"{MESH}{permissive}- {{pattern: authorization, on: api, {rule}}}")
    told = [problem for problem in draft.warnings if "has no name" in problem.message]
    assert bool(told) == warned


PORTED = """\
mesh: {services: {api: {versions: {v1: {port: 8001}, v2: {port: 8002}}}, db: {protocol: tcp}}}
patterns:
"""


def test_a_rule_about_a_port_is_for_the_workloads_that_have_it(read: Read) -> None:
    rules = "allow: [{ports: 8001, methods: GET}, {not: {ports: 8001}, methods: PUT}]"
    draft = read(f"{PORTED}- {{pattern: authorization, on: api, {rules}}}")
    found = {str(each.inbound): each.config.rules for each in draft.filters}
    assert found == {
        "api/v1": (Access(methods=(StringMatch("exact", "GET"),)),),
        "api/v2": (Access(methods=(StringMatch("exact", "PUT"),), none_of=Access()),),
    }


def test_a_denial_about_a_port_that_nobody_has_is_none(read: Read) -> None:
    draft = read(f"{PORTED}- {{pattern: authorization, on: api, deny: {{ports: 8002}}}}")
    assert [str(each.inbound) for each in draft.filters] == ["api/v2"]


def test_where_there_are_no_requests_connections_are_looked_at(read: Read) -> None:
    rule = "{pattern: authorization, on: '*', deny: {ip_blocks: 10.0.0.0/8}}"
    layers = {str(each.inbound): each.layer for each in read(f"{PORTED}- {rule}").filters}
    assert layers == {"api": "http", "db": "network"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("on: db, deny: {paths: /x}", "3:50: a connection has no paths; use 'layer: request'"),
        ("on: api, layer: connection, deny: {not: {hosts: x}}", "a connection has no hosts"),
        ("on: api, layer: connection, deny: {headers: {a: b}}", "a connection has no headers"),
        ("on: db, layer: request, deny: {ip_blocks: 10.0.0.1}", "'db' speaks tcp, of which Envoy"),
        ("on: db, deny: {ports: 1}", "the port of 'db' is any free one; give it a 'port'"),
    ],
)
def test_what_can_not_be_known_is_no_reason(refusal: Refusal, keys: str, told: str) -> None:
    assert told in refusal(f"{PORTED}- {{pattern: authorization, {keys}}}")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("deny: {claims: {a: b}}", "who has none is not kept out by this"),
        ("allow: {request_principals: x/y}", "so this is about nobody"),
    ],
)
def test_where_nobody_looks_at_tokens_it_is_told(read: Read, rule: str, told: str) -> None:
    draft = read(f"{PORTED}- {{pattern: authorization, on: api, {rule}}}")
    assert [told in each.message for each in draft.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "issuer", "subject"),
    [
        ("https://a/b/ann", "https://a/b", "ann"),
        ("*", None, None),
        ("https://a/*", StringMatch("exact", "https://a"), None),
        ("*/ann", None, StringMatch("exact", "ann")),
        ("iss*", StringMatch("prefix", "iss"), None),
        ("*ann", None, StringMatch("suffix", "ann")),
    ],
)
def test_a_request_principal_is_an_issuer_and_a_subject(
    read: Read, text: str, issuer: StringMatch | str | None, subject: StringMatch | str | None
) -> None:
    rule = f"{{pattern: authorization, on: api, allow: {{request_principals: '{text}'}}}}"
    (token,) = read(f"{PORTED}- {rule}").filters[0].config.rules[0].tokens
    wanted = [StringMatch("exact", x) if isinstance(x, str) else x for x in (issuer, subject)]
    assert [token.issuer, token.subject] == wanted
