"""What the spec says of requests at a gateway, asked of a real Envoy: the tables are those of its
conformance tests in our own words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import (
    GATEWAY,
    NODE,
    joined,
    route,
    services,
    to,
)
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTENERS = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: isolated}
    spec:
      listeners:
      - {name: any, protocol: HTTP, port: 80}
      - {name: wide, protocol: HTTP, port: 80, hostname: "*.example.com"}
      - {name: narrow, protocol: HTTP, port: 80, hostname: "*.foo.example.com"}
      - {name: one, protocol: HTTP, port: 80, hostname: abc.foo.example.com}
      - {name: specific, protocol: HTTP, port: 80, hostname: very.specific.com}
      - {name: wild, protocol: HTTP, port: 80, hostname: "*.wildcard.io"}
      - {name: empty, protocol: HTTP, port: 80, hostname: nobody.example.com}
"""


def at(name: str, section: str, path: str, hosts: str = "[]") -> str:
    rules = f"- {{matches: [{{path: {{value: {path}}}}}], backendRefs: [{to('one')}]}}"
    return route(rules, name, f"{{name: isolated, sectionName: {section}}}", hosts)


MATCHING = route(
    f"""
    - {{matches: [{{path: {{value: /}}}}, {{headers: [{{name: version, value: one}}]}}],
       backendRefs: [{to("one")}]}}
    - matches:
      - {{path: {{value: /v2}}}}
      - {{headers: [{{name: Version, value: two}}, {{name: version, value: ignored}}]}}
      backendRefs: [{to("two")}]
    """,
    "matching",
    hosts="[matching.com]",
)
ORDER = route(
    f"""
    - {{matches: [{{path: {{type: PathPrefix, value: /match}}}}], backendRefs: [{to("one")}]}}
    - {{matches: [{{path: {{type: Exact, value: /match/exact}}}}], backendRefs: [{to("two")}]}}
    - {{matches: [{{path: {{type: PathPrefix, value: /match/prefix/}}}}],
       backendRefs: [{to("three")}]}}
    - {{matches: [{{path: {{type: RegularExpression, value: "/match/[0-9]+"}}}}],
       backendRefs: [{to("two")}]}}
    - {{matches: [{{path: {{value: /methods}}}}], backendRefs: [{to("one")}]}}
    - {{matches: [{{path: {{value: /methods}}, headers: [{{name: a, value: b}}]}}],
       backendRefs: [{to("two")}]}}
    - {{matches: [{{path: {{value: /methods}}, method: PUT}}], backendRefs: [{to("three")}]}}
    - {{matches: [{{path: {{value: /methods}}, queryParams: [{{name: q, value: 1}}]}}],
       backendRefs: [{to("four")}]}}
    """,
    "order",
    hosts="[order.com]",
)
WIDE = route(
    f"- {{matches: [{{path: {{type: Exact, value: /both}}}}, {{path: {{value: /only}}}}],"
    f" backendRefs: [{to('two')}]}}",
    "wide",
    hosts='["*.example.net"]',
)
NARROW = route(
    f"- {{matches: [{{path: {{value: /both}}}}], backendRefs: [{to('one')}]}}",
    "narrow",
    hosts="[a.example.net]",
)
OLD, YOUNG = (
    route(
        f"- {{matches: [{{path: {{value: /same}}}}], backendRefs: [{to(backend)}]}}",
        name,
        hosts="[ages.com]",
        meta=f", creationTimestamp: '{created}'",
    )
    for name, backend, created in (
        ("a-younger", "two", "2024-05-02T10:00:00Z"),
        ("b-older", "one", "2023-05-02T10:00:00Z"),
    )
)
FIRST, SECOND = (
    route(
        f"- {{matches: [{{path: {{value: /same}}}}], backendRefs: [{to(backend)}]}}",
        name,
        hosts="[names.com]",
    )
    for name, backend in (("z", "two"), ("b", "one"))
)
MESH = joined(
    NODE,
    GATEWAY,
    LISTENERS,
    services("one", "two", "three", "four"),
    MATCHING,
    ORDER,
    WIDE,
    NARROW,
    OLD,
    YOUNG,
    FIRST,
    SECOND,
    at("on-any", "any", "/any"),
    at("on-wide", "wide", "/wide"),
    at("on-narrow", "narrow", "/narrow"),
    at("on-one", "one", "/one"),
    at("s1", "specific", "/s1", '[non.matching.com, "*.none.io", very.specific.com]'),
    at("s2", "wild", "/s2", "[wildcard.io, foo.wildcard.io, foo.bar.wildcard.io]"),
    at("s3", "specific", "/s3", '["*.specific.com"]'),
)

FOUND = [
    ("matching.com", "/", {}, "GET", "one"),
    ("matching.com", "/example", {}, "GET", "one"),
    ("matching.com", "/", {"version": "one"}, "GET", "one"),
    ("matching.com", "/v2", {}, "GET", "two"),
    ("matching.com", "/v2/", {}, "GET", "two"),
    ("matching.com", "/v2/example", {}, "GET", "two"),
    ("matching.com", "/v2example", {}, "GET", "one"),
    ("matching.com", "/", {"version": "two"}, "GET", "two"),
    ("matching.com:8080", "/v2", {}, "GET", "two"),
    ("order.com", "/match/exact", {}, "GET", "two"),
    ("order.com", "/match/exact/x", {}, "GET", "one"),
    ("order.com", "/match", {}, "GET", "one"),
    ("order.com", "/match/prefix", {}, "GET", "three"),
    ("order.com", "/match/prefix/one", {}, "GET", "three"),
    ("order.com", "/match/any", {}, "GET", "one"),
    ("order.com", "/match/17", {}, "GET", "two"),
    ("order.com", "/methods", {}, "GET", "one"),
    ("order.com", "/methods", {"a": "b"}, "GET", "two"),
    ("order.com", "/methods", {"a": "b"}, "PUT", "three"),
    ("order.com", "/methods?q=1", {}, "GET", "four"),
    ("order.com", "/methods?q=1", {"a": "b"}, "GET", "two"),
    ("order.com", "/other", {}, "GET", None),
    ("a.example.net", "/both", {}, "GET", "one"),
    ("b.example.net", "/both", {}, "GET", "two"),
    ("a.example.net", "/only", {}, "GET", "two"),
    ("example.net", "/both", {}, "GET", None),
    ("ages.com", "/same", {}, "GET", "one"),
    ("names.com", "/same", {}, "GET", "one"),
    ("bar.com", "/any", {}, "GET", "one"),
    ("bar.com", "/wide", {}, "GET", None),
    ("bar.example.com", "/any", {}, "GET", None),
    ("bar.example.com", "/wide", {}, "GET", "one"),
    ("bar.example.com", "/narrow", {}, "GET", None),
    ("bar.foo.example.com", "/wide", {}, "GET", None),
    ("bar.foo.example.com", "/narrow", {}, "GET", "one"),
    ("abc.foo.example.com", "/narrow", {}, "GET", None),
    ("abc.foo.example.com", "/one", {}, "GET", "one"),
    ("nobody.example.com", "/wide", {}, "GET", None),
    ("very.specific.com", "/s1", {}, "GET", "one"),
    ("very.specific.com", "/s3", {}, "GET", "one"),
    ("non.matching.com", "/s1", {}, "GET", None),
    ("foo.wildcard.io", "/s2", {}, "GET", "one"),
    ("foo.bar.wildcard.io", "/s2", {}, "GET", "one"),
    ("bar.wildcard.io", "/s2", {}, "GET", None),
    ("wildcard.io", "/s2", {}, "GET", None),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("ingress")) as mesh:
        yield mesh


@pytest.mark.parametrize(("host", "path", "headers", "method", "backend"), FOUND)
async def test_a_request_is_where_the_spec_wants_it(
    mesh: Running, host: str, path: str, headers: dict[str, str], method: str, backend: str | None
) -> None:
    answer = await mesh.send("ingress:any", path, headers, method, host)
    if backend is None:
        assert answer.status == 404
    else:
        assert answer.instance == backend


async def test_http_and_https_listeners_of_one_host_are_told_apart_by_scheme(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    gateway = GATEWAY.replace("[{", "[{name: tls, protocol: HTTPS, port: 443}, {")
    secure = route(f"- backendRefs: [{to('one')}]", "s", "{name: edge, sectionName: tls}")
    plain = "- filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]"
    redirect = route(plain, "p", "{name: edge, sectionName: http}")
    draft = imported(gateway, secure, redirect)
    schemes = [rule.match.scheme and rule.match.scheme.text for rule in _rules(draft)]
    assert schemes == ["http", "https"]
    assert any("a client says which by x-forwarded-proto" in line for line in told(draft))


async def test_of_two_kinds_of_routes_at_one_host_the_oldest_stays(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    rules = f"- backendRefs: [{to('one')}]"
    http = route(rules, "h", meta=", creationTimestamp: '2024-05-02T10:00:00Z'")
    grpc = route(rules, "g", kind="GRPCRoute", meta=", creationTimestamp: '2024-06-02T10:00:00Z'")
    draft = imported(GATEWAY, http, grpc)
    assert len(_rules(draft)) == 1
    assert (
        "3.yaml:3:18: GRPCRoute 'g' is left out for host '*', where there is an older HTTPRoute"
        in (told(draft))
    )


def _rules(draft: Draft) -> list[object]:
    return draft.edges["ingress", "one"].rules  # type: ignore[return-value]
