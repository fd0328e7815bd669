"""What rules of HTTPRoutes and GRPCRoutes do with requests, asked of a real Envoy."""

from __future__ import annotations

from collections import Counter
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
Told = Callable[[Draft], list[str]]

GRANT = """
    apiVersion: gateway.networking.k8s.io/v1beta1
    kind: ReferenceGrant
    metadata: {name: g, namespace: shop}
    spec:
      from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
      to: [{group: "", kind: Service, name: three}]
"""


def prefix(path: str, replaced: str) -> str:
    return f"""
    - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
      filters:
      - {{type: URLRewrite, urlRewrite: {{path: {{type: ReplacePrefixMatch,
          replacePrefixMatch: "{replaced}"}}}}}}
      backendRefs: [{to("one")}]
    """


def redirect(path: str, filter: str) -> str:
    return f"""
    - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
      filters: [{{type: RequestRedirect, requestRedirect: {filter}}}]
    """


RULES = f"""
    - matches: [{{path: {{value: /shares}}}}]
      backendRefs:
      - {{name: one, port: 8080, weight: 7}}
      - {{name: two, port: 8080, weight: 3}}
      - {{name: three, port: 8080, weight: 0}}
    - matches: [{{path: {{value: /half}}}}]
      backendRefs: [{to("one", "nobody")}]
    - matches: [{{path: {{value: /none}}}}]
      backendRefs: [{to("nobody")}]
    - matches: [{{path: {{value: /zero}}}}]
      backendRefs: [{{name: one, port: 8080, weight: 0}}, {{name: two, port: 8080, weight: 0}}]
    - matches: [{{path: {{value: /empty}}}}]
    - matches: [{{path: {{value: /bucket}}}}]
      backendRefs: [{{name: one, kind: Bucket, group: storage.example}}]
    - matches: [{{path: {{value: /granted}}}}]
      backendRefs: [{{name: three, namespace: shop, port: 8080}}]
    - matches: [{{path: {{value: /denied}}}}]
      backendRefs: [{{name: four, namespace: shop, port: 8080}}]
    - matches: [{{path: {{value: /extended}}}}]
      filters: [{{type: ExtensionRef, extensionRef: {{group: x.io, kind: Y, name: z}}}}]
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /headers}}}}]
      filters:
      - type: RequestHeaderModifier
        requestHeaderModifier:
          set: [{{name: X-Set, value: new}}, {{name: x-set, value: second}}]
          add: [{{name: X-Add, value: more}}]
          remove: [X-Gone]
      - type: ResponseHeaderModifier
        responseHeaderModifier: {{set: [{{name: x-kind, value: "100%"}}], remove: [x-powered-by]}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /marked}}}}]
      backendRefs:
      - name: one
        port: 8080
        filters:
        - {{type: RequestHeaderModifier,
           requestHeaderModifier: {{add: [{{name: x-for, value: one}}]}}}}
      - {{name: two, port: 8080}}
    - matches: [{{path: {{value: /copied}}}}]
      filters:
      - {{type: RequestMirror, requestMirror: {{backendRef: {{name: two, port: 8080}}}}}}
      - {{type: RequestMirror, requestMirror: {{backendRef: {{name: three, namespace: shop}},
          fraction: {{numerator: 1, denominator: 1}}}}}}
      - {{type: RequestMirror, requestMirror: {{backendRef: {{name: nobody}}}}}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /late}}}}]
      timeouts: {{request: 100ms}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /backend-late}}}}]
      timeouts: {{request: 0s, backendRequest: 100ms}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /again}}}}]
      retry: {{codes: [500, 503], attempts: 3, backoff: 1ms}}
      timeouts: {{request: 5s, backendRequest: 80ms}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /never-again}}}}]
      retry: {{codes: [500], attempts: 0}}
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /pages}}}}]
      filters:
      - type: CORS
        cors:
          allowOrigins: [https://www.foo.com, "https://*.bar.com"]
          allowMethods: [GET, PUT]
          allowHeaders: [x-header-1]
          exposeHeaders: [x-header-2]
          allowCredentials: true
          maxAge: 3600
      backendRefs: [{to("one")}]
    - matches: [{{path: {{value: /full}}}}]
      filters:
      - {{type: URLRewrite, urlRewrite: {{hostname: elsewhere.example,
          path: {{type: ReplaceFullPath, replaceFullPath: '/new\\1'}}}}}}
      backendRefs: [{to("one")}]
"""
REWRITES = {
    ("/foo/bar", "/foo", "/xyz"): "/xyz/bar",
    ("/foo/bar", "/foo", "/xyz/"): "/xyz/bar",
    ("/foo/bar", "/foo/", "/xyz"): "/xyz/bar",
    ("/foo/bar", "/foo/", "/xyz/"): "/xyz/bar",
    ("/foo", "/foo", "/xyz"): "/xyz",
    ("/foo/", "/foo", "/xyz"): "/xyz/",
    ("/foo/bar", "/foo", ""): "/bar",
    ("/foo/", "/foo", ""): "/",
    ("/foo", "/foo", ""): "/",
    ("/foo/", "/foo", "/"): "/",
    ("/foo", "/foo", "/"): "/",
    ("/foo/bar?a=1", "/", "/xyz"): "/xyz/foo/bar?a=1",
    ("/foo", "/", "/"): "/foo",
}
REDIRECTS = {
    ("/x?q", "{hostname: example.org}"): (302, "http://example.org/x?q"),
    ("/x", "{statusCode: 301, scheme: https}"): (301, "https://r.com/x"),
    ("/x", "{scheme: https, port: 443}"): (302, "https://r.com/x"),
    ("/x", "{scheme: https, port: 8443}"): (302, "https://r.com:8443/x"),
    ("/x", "{port: 8080}"): (302, "http://r.com:8080/x"),
    ("/x", "{port: 80}"): (302, "http://r.com:80/x"),  # which the spec allows
    ("/x", "{statusCode: 303}"): (303, "http://r.com/x"),
    ("/x/y", "{path: {type: ReplaceFullPath, replaceFullPath: /z}, statusCode: 308}"): (
        308,
        "http://r.com/z",
    ),
    ("/x/y", "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /z}, statusCode: 307}"): (
        307,
        "http://r.com/z/y",
    ),
    ("/x/y", "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}"): (302, "http://r.com/y"),
}


def _files() -> str:
    rewrites = [
        route(prefix(before, after), f"w{i}", hosts=f"[w{i}.com]")
        for i, (_, before, after) in enumerate(REWRITES)
    ]
    redirects = [
        route(redirect("/x", filter), f"r{i}", hosts=f"[r{i}.com]")
        for i, (_, filter) in enumerate(REDIRECTS)
    ]
    known = (services("one", "two"), services("three", "four", namespace="shop"))
    main = route(RULES, "main", hosts="[a.com]")
    return joined(NODE, GATEWAY, GRANT, *known, main, *rewrites, *redirects)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(_files(), tmp_path_factory.mktemp("rules")) as mesh:
        yield mesh


async def _get(mesh: Running, path: str, host: str = "a.com", **options: object):  # type: ignore[no-untyped-def]
    method = str(options.pop("method", "GET"))
    return await mesh.send("ingress:any", path, options, method, host)  # type: ignore[arg-type]


@pytest.mark.parametrize(("request_", "before", "after"), REWRITES)
async def test_a_prefix_is_replaced_as_the_table_of_the_spec_has_it(
    mesh: Running, request_: str, before: str, after: str
) -> None:
    index = list(REWRITES).index((request_, before, after))
    answer = await _get(mesh, request_, f"w{index}.com")
    assert answer.path == REWRITES[request_, before, after]


@pytest.mark.parametrize(("path", "filter"), REDIRECTS)
async def test_a_redirect_leads_where_it_says(mesh: Running, path: str, filter: str) -> None:
    index = list(REDIRECTS).index((path, filter))
    answer = await _get(mesh, path, f"r{index}.com")
    status, location = REDIRECTS[path, filter]
    assert (answer.status, answer.headers["location"]) == (
        status,
        location.replace("r.com", f"r{index}.com"),
    )


async def test_weights_are_shares_and_of_zero_there_are_none(mesh: Running) -> None:
    """500 requests and five points, as the spec's own tests have it."""
    seen = Counter([(await _get(mesh, "/shares")).instance for _ in range(500)])
    assert abs(seen["one"] - 350) <= 45  # four standard deviations
    assert seen["one"] + seen["two"] == 500


async def test_the_share_of_a_backend_that_is_not_there_is_answered_with_500(mesh: Running) -> None:
    seen = Counter([(await _get(mesh, "/half")).status for _ in range(200)])
    assert set(seen) == {200, 500}
    assert abs(seen[500] - 100) <= 28


@pytest.mark.parametrize("path", ["/none", "/zero", "/empty", "/bucket", "/denied", "/extended"])
async def test_what_leads_nowhere_is_answered_with_500(mesh: Running, path: str) -> None:
    assert (await _get(mesh, path)).status == 500


async def test_a_grant_lets_a_route_lead_to_another_namespace(mesh: Running) -> None:
    assert (await _get(mesh, "/granted")).instance == "three"


async def test_headers_are_changed_both_ways(mesh: Running) -> None:
    answer = await _get(mesh, "/headers", **{"x-set": "old", "x-add": "one", "x-gone": "1"})
    assert (answer.got("x-set"), answer.got("x-gone")) == (["new"], [])
    assert answer.got("x-add") == ["one", "more"]
    assert answer.headers["x-kind"] == "100%"
    assert "x-powered-by" not in answer.headers


async def test_headers_of_one_backend_are_for_its_share_alone(mesh: Running) -> None:
    answers = [await _get(mesh, "/marked") for _ in range(40)]
    assert {(each.instance, *each.got("x-for")) for each in answers} == {("one", "one"), ("two",)}


async def test_copies_go_to_all_mirrors_that_are_there(mesh: Running) -> None:
    before = mesh.upstream.reached.copy()
    assert (await _get(mesh, "/copied")).instance == "one"
    more = {"two", "three"}
    await mesh.upstream.until(lambda: more <= (mesh.upstream.reached - before).keys())


async def test_timeouts_end_in_504(mesh: Running) -> None:
    for path in ("/late", "/backend-late"):
        answer = await _get(mesh, path, **{"x-wait": "1"})
        assert answer.status == 504
        assert answer.seconds < 0.9


async def test_retries_are_for_the_codes_and_each_try_has_its_own_time(mesh: Running) -> None:
    async def tries(path: str, name: str, **headers: str) -> tuple[int, int]:
        answer = await _get(mesh, path, **{"x-id": name, **headers})
        return answer.status, mesh.upstream.tries[name]

    assert await tries("/again", "a", **{"x-answer": "503,500,200"}) == (200, 3)
    assert await tries("/again", "b", **{"x-answer": "503"}) == (503, 4)
    assert await tries("/again", "c", **{"x-answer": "502"}) == (502, 1)
    assert await tries("/never-again", "d", **{"x-answer": "500"}) == (500, 1)


async def test_pages_of_allowed_origins_may_read_answers(mesh: Running) -> None:
    wanted = {"access-control-request-method": "PUT"}
    for origin in ("https://www.foo.com", "https://a.b.bar.com"):
        answer = await _get(mesh, "/pages", method="OPTIONS", origin=origin, **wanted)
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-methods"] == "GET,PUT"
        assert answer.headers["access-control-allow-headers"] == "x-header-1"
        assert answer.headers["access-control-max-age"] == "3600"
        assert answer.headers["access-control-allow-credentials"] == "true"
    for origin in ("http://www.foo.com", "https://bar.com"):
        answer = await _get(mesh, "/pages", method="OPTIONS", origin=origin, **wanted)
        assert "access-control-allow-origin" not in answer.headers


async def test_a_full_path_and_a_host_are_rewritten(mesh: Running) -> None:
    answer = await _get(mesh, "/full/one/two?a=1")
    assert (answer.path, answer.got("host")) == (
        "//1?a=1".replace("//1", "/new/1"),
        ["elsewhere.example"],
    )
