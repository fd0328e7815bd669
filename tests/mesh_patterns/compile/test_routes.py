"""Every field of a rule, as its description says it, in a real Envoy: each rule is a service's own.

A rule of the first table answers 299 by itself, so that who matches can be told from who does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.mesh_patterns.running import Answer, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ask:
    path: str = "/"
    headers: Fields = ()
    method: str = "GET"
    host: str | None = None


def paths(*texts: str) -> list[Ask]:
    return [Ask(text) for text in texts]


def fields(*pairs: Fields) -> list[Ask]:
    return [Ask(headers=each) for each in pairs]


@dataclass(frozen=True)
class Match:
    """A rule's match, requests that it takes, and requests that it leaves."""

    match: str
    takes: list[Ask]
    leaves: list[Ask] = field(default_factory=list)


NONE: Fields = ()
MATCHES = [
    Match("{}", paths("/", "/x?y")),
    Match("[]", paths("/", "/x?y")),
    Match("{path: /}", paths("/", "/x")),
    Match("{path: /v2}", paths("/v2", "/v2/", "/v2/x", "/v2?a=1"), paths("/v2x", "/V2", "/")),
    Match("{path: /v2/}", paths("/v2/", "/v2/x"), paths("/v2", "/v2x")),
    Match("{path: {prefix: /v2}}", paths("/v2", "/v2/x", "/v2x"), paths("/v", "/x/v2")),
    Match("{path: {exact: /v2}}", paths("/v2", "/v2?a=1"), paths("/v2/", "/v2x")),
    Match("{path: {regex: '/v[0-9]+/.*'}}", paths("/v2/", "/v10/x?y"), paths("/v2", "/x/v2/")),
    Match("{path: {regex: '/[[:digit:]]'}}", paths("/2"), paths("/x", "/22")),
    Match("{path: {suffix: .js}}", paths("/a.js", "/x/a.js?v=1"), paths("/a.jsx", "/ajs")),
    Match("{path: {contains: a+b}}", paths("/xa+by", "/a+b"), paths("/aab", "/ab")),
    Match("{path: /Ab, ignore_case: true}", paths("/aB", "/AB/x"), paths("/abx")),
    Match("{path: {exact: /Ab}, ignore_case: true}", paths("/aB"), paths("/abx")),
    Match("{path: {prefix: /Ab}, ignore_case: true}", paths("/aB", "/ABx"), paths("/b")),
    Match("{path: {regex: '/ab?'}, ignore_case: true}", paths("/AB", "/a"), paths("/b")),
    Match("{path: {suffix: .JS}, ignore_case: true}", paths("/a.Js"), paths("/a")),
    Match("{path: {contains: b}, ignore_case: true}", paths("/aBc"), paths("/ac")),
    Match("{method: POST}", [Ask(method="POST")], [Ask(method="GET")]),
    Match("{method: {regex: 'PUT|POST'}}", [Ask(method="PUT")], [Ask(method="PATCH"), Ask()]),
    Match("{method: {exact: GET, invert: true}}", [Ask(method="PUT")], [Ask()]),
    Match("{host: {prefix: a.}}", [Ask(host="a.shop")], [Ask(host="b.shop")]),
    Match("{scheme: http}", [Ask()]),
    Match("{scheme: https}", [], [Ask()]),
    Match(
        "{headers: {X-Plan: team}}",
        fields((("x-plan", "team"),), (("X-PLAN", "team"),), (("x-plan", "a"), ("x-plan", "team"))),
        fields(NONE, (("x-plan", "teams"),), (("x-plan", "Team"),), (("x-plan", "a,team"),)),
    ),
    Match("{headers: {x-n: 5}}", fields((("x-n", "5"),)), fields((("x-n", "5.0"),))),
    Match("{headers: {x-n: true}}", fields((("x-n", "true"),)), fields((("x-n", "True"),))),
    Match("{headers: {x: {prefix: ab}}}", fields((("x", "abc"),)), fields((("x", "cab"),), NONE)),
    Match("{headers: {x: {suffix: bc}}}", fields((("x", "abc"),)), fields((("x", "bca"),))),
    Match("{headers: {x: {contains: b}}}", fields((("x", "abc"),)), fields((("x", "ac"),))),
    Match("{headers: {x: {regex: 'a.c'}}}", fields((("x", "abc"),)), fields((("x", "abcd"),))),
    Match("{headers: {x: {present: true}}}", fields((("x", "1"),), (("x", ""),)), fields(NONE)),
    Match("{headers: {x: {present: false}}}", fields(NONE), fields((("x", "1"),))),
    Match("{headers: {x: {present: true, invert: true}}}", fields(NONE), fields((("x", "1"),))),
    Match(
        "{headers: {x: {exact: a, invert: true}}}",
        fields((("x", "b"),), NONE),
        fields((("x", "a"),)),
    ),
    Match(
        "{headers: {x: a, y: b}}",
        fields((("x", "a"), ("y", "b"))),
        fields((("x", "a"),), (("y", "b"),)),
    ),
    Match("{query: {a: 1}}", paths("/?a=1", "/?b=2&a=1"), paths("/", "/?a=2", "/?a=11", "/?b=1")),
    Match("{query: {a: {prefix: x}}}", paths("/?a=xy"), paths("/?a=yx")),
    Match("{query: {a: {suffix: x}}}", paths("/?a=yx"), paths("/?a=xy")),
    Match("{query: {a: {contains: x}}}", paths("/?a=yxy"), paths("/?a=y")),
    Match("{query: {a: {regex: '[0-9]+'}}}", paths("/?a=12"), paths("/?a=1x", "/")),
    Match("{query: {a: {present: true}}}", paths("/?a", "/?a=1"), paths("/", "/?b")),
    Match("{query: {a: {present: false}}}", paths("/", "/?b"), paths("/?a", "/?a=1")),
    Match(
        "{path: /v2, method: PUT, headers: {x: a}, query: {q: 1}}",
        [Ask("/v2/x?q=1", (("x", "a"),), "PUT")],
        [Ask("/v2/x?q=1", (("x", "a"),)), Ask("/v2?q=1", method="PUT"), Ask(method="PUT")],
    ),
    Match("[{path: /a}, {headers: {x: b}}]", [Ask("/a"), Ask("/", (("x", "b"),))], paths("/b")),
]

REWRITES = [
    ("{path: {prefix: /v2/}}", "{path: /}", {"/v2/x": "/x", "/v2/": "/", "/v2/x?a=1": "/x?a=1"}),
    ("{path: {prefix: /v2}}", "{path: /api}", {"/v2x": "/apix", "/v2/x": "/api/x"}),
    ("{path: {exact: /v2}}", "{path: /api}", {"/v2": "/api", "/v2?x=1": "/api?x=1"}),
    (
        "{path: /v2}",
        "{path: /}",
        {"/v2": "/", "/v2/": "/", "/v2/x": "/x", "/v2?x=1": "/?x=1", "/v2/?x=1": "/?x=1"},
    ),
    (
        "{path: /v2}",
        "{path: /api}",
        {"/v2": "/api", "/v2/": "/api/", "/v2/x": "/api/x", "/v2?x=1": "/api?x=1"},
    ),
    # no group of the expression; the next hop takes a backslash for a slash
    ("{path: /a.b}", "{path: '/\\1/'}", {"/a.b/x": "//1/x"}),
    ("{path: /V2, ignore_case: true}", "{path: /}", {"/v2/x": "/x", "/V2": "/"}),
    ("{path: /V2, ignore_case: true}", "{path: /api}", {"/v2/x": "/api/x"}),
    ("{path: {regex: '/v[0-9]/.*'}}", "{path: /new}", {"/v2/x": "/new", "/v2/x?a=1": "/new?a=1"}),
    ("{path: {suffix: .js}}", "{path: '/\\0'}", {"/a.js?v=1": "//0?v=1"}),
    ("{path: {contains: old}}", "{path: /new}", {"/very/old/x": "/new"}),
    ("{}", "{path: /all/}", {"/x": "/all/x", "/": "/all/"}),
    (
        "{}",
        "{regex: '^/item/([0-9]+)', substitution: '/items?id=\\1'}",
        {"/item/7": "/items?id=7", "/items": "/items"},
    ),
    ("{}", "{host: other.example}", {"/x": "/x"}),
]

# redirect: what is asked for: where it leads, the host of the request being "here"
REDIRECTS = [
    ("{}", "{path: /new}", {"/old?a=1": (301, "http://here/new?a=1")}),
    ("{}", "{path: '/new?b=2'}", {"/old": (301, "http://here/new?b=2")}),
    ("{path: /v2}", "{prefix: /v3, status: 308}", {"/v2/x": (308, "http://here/v3/x")}),
    (
        "{path: /v2}",
        "{prefix: /}",
        {"/v2": (301, "http://here/"), "/v2/x?a": (301, "http://here/x?a")},
    ),
    ("{}", "{host: there, status: 302}", {"/x?a": (302, "http://there/x?a")}),
    ("{}", "{scheme: https, status: 307}", {"/x": (307, "https://here/x")}),
    ("{}", "{port: 8443, scheme: https, status: 303}", {"/x": (303, "https://here:8443/x")}),
]

RULES = {
    "answers": '{respond: {status: 418, body: "tea, 100%\\n"}}',
    "silent": "{respond: {status: 204}}",
    "edited": """
      headers:
        request:
          set: {x-set: "50%", X-Old: new, x-empty: "", host-of: "%REQ(:authority)%"}
          add: {x-more: two}
          remove: [X-Gone]
        response:
          set: {x-kind: mesh, x-share: "%%"}
          add: {x-added: 1}
          remove: [x-powered-by]
""",
    "unshared": "{to: {v1: 0, v2: 7}}",
    "shared": "{to: {v1: 1, v2: 3}}",
    "elsewhere": "{to: shared/v2}",
    "patient": "{timeout: 0s}",
    "hasty": "{timeout: 100ms}",
    "tenacious": "{retries: {attempts: 3, retry_on: 5xx}}",
    "choosy": "{retries: {attempts: 1, retry_on: [418, reset]}}",
    "defeatist": "{retries: {attempts: 0, retry_on: 5xx}}",
    "steady": """
      retries: {attempts: 2, retry_on: [5xx], backoff: {base: 100ms, max: 100ms}}
""",
    "quick": "{retries: {attempts: 2, retry_on: [5xx], per_try_timeout: 80ms}}",
    "copied": "{mirror: {to: shared/v1}}",
    "uncopied": "{mirror: {to: shared/v1, percent: 0}}",
    "sometimes": "{mirror: {to: shared/v1, percent: 50%}}",
    "spread": "{mirror: [{to: shared/v1}, {to: copied/v2}]}",
    "marked": """
      to:
        v1: {weight: 1, headers: {request: {set: {x-for: one}}, response: {set: {x-by: one}}}}
        v2: {headers: {request: {set: {x-for: two}}}}
""",
    "read": "{cors: {origins: 'https://shop.example', methods: PUT}}",
}

UNLUCKY = """
    - {match: {percent: 33.3333}, respond: {status: 500}}
    - {to: {v1: 50, v2: 50}}
""".strip().removeprefix("- ")


def _services() -> Iterable[str]:
    for i, row in enumerate(MATCHES):
        hosts = [ask.host for ask in [*row.takes, *row.leaves] if ask.host]
        yield f"    match{i}: {{hosts: [{', '.join(hosts)}]}}"
    yield from (f"    rewrite{i}:" for i in range(len(REWRITES)))
    yield from (f"    redirect{i}: {{hosts: [here{i}]}}" for i in range(len(REDIRECTS)))
    yield from (f"    {name}: {{versions: {{v1: , v2: }}}}" for name in (*RULES, "unlucky"))


def _patterns() -> Iterable[str]:
    for i, row in enumerate(MATCHES):
        yield _rule(f"match{i}", f"{{match: {row.match}, respond: {{status: 299}}}}")
    for i, (match, rewrite, _) in enumerate(REWRITES):
        yield _rule(f"rewrite{i}", f"{{match: {match}, rewrite: {rewrite}}}")
    for i, (match, redirect, _) in enumerate(REDIRECTS):
        yield _rule(f"redirect{i}", f"{{match: {match}, redirect: {redirect}}}")
    yield from (_rule(name, rule) for name, rule in RULES.items())
    yield _rule("unlucky", UNLUCKY)


def _rule(service: str, rule: str) -> str:
    return f"- pattern: route\n  on: {service}\n  rules:\n    - {rule.strip()}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    services = "\n".join(_services())
    text = f"mesh:\n  dataplane: node\n  services:\n{services}\npatterns:\n"
    async with running(text + "\n".join(_patterns()), tmp_path_factory.mktemp("routes")) as mesh:
        yield mesh


async def _ask(mesh: Running, to: str, ask: Ask) -> Answer:
    return await mesh.get(to, ask.path, ask.headers, ask.method, host=ask.host)


@pytest.mark.parametrize("index", range(len(MATCHES)), ids=lambda i: MATCHES[i].match)
async def test_a_match_takes_what_it_says_and_leaves_the_rest(mesh: Running, index: int) -> None:
    row = MATCHES[index]
    for ask in row.takes:
        assert (await _ask(mesh, f"match{index}", ask)).status == 299, f"should match: {ask}"
    for ask in row.leaves:
        assert (await _ask(mesh, f"match{index}", ask)).status == 200, f"should not match: {ask}"


@pytest.mark.parametrize("index", range(len(REWRITES)), ids=lambda i: " ".join(REWRITES[i][:2]))
async def test_a_rewrite_changes_what_the_match_took(mesh: Running, index: int) -> None:
    for path, seen in REWRITES[index][2].items():
        assert (await mesh.get(f"rewrite{index}", path)).path == seen


async def test_a_rewrite_of_the_host_is_what_the_upstream_sees(mesh: Running) -> None:
    last = len(REWRITES) - 1
    assert (await mesh.get(f"rewrite{last}")).got("host") == ["other.example"]
    assert (await mesh.get("rewrite0", "/v2/")).got("host") == ["rewrite0"]


@pytest.mark.parametrize("index", range(len(REDIRECTS)), ids=lambda i: " ".join(REDIRECTS[i][:2]))
async def test_a_redirect_leads_where_it_says(mesh: Running, index: int) -> None:
    for path, (status, location) in REDIRECTS[index][2].items():
        answer = await mesh.get(f"redirect{index}", path, host=f"here{index}")
        found = (answer.status, answer.headers["location"].replace(f"here{index}", "here"))
        assert found == (status, location)


async def test_respond_is_an_answer_that_no_workload_sees(mesh: Running) -> None:
    answer = await mesh.get("answers")
    assert (answer.status, answer.body) == (418, "tea, 100%\n")
    assert (await mesh.get("silent")).status == 204
    assert not {"answers-v1", "answers-v2", "silent-v1", "silent-v2"} & set(mesh.upstream.reached)


async def test_headers_are_set_added_and_removed_on_the_way_there(mesh: Running) -> None:
    sent = [("x-old", "old"), ("x-more", "one"), ("x-gone", "1"), ("x-stays", "1")]
    answer = await mesh.get("edited", headers=sent)
    assert answer.got("x-set") == ["50%"]
    assert answer.got("x-old") == ["new"]
    assert answer.got("x-more") == ["one", "two"]
    assert answer.got("x-gone") == []
    assert answer.got("x-stays") == ["1"]
    assert answer.got("x-empty") == [""]
    assert answer.got("host-of") == ["%REQ(:authority)%"]  # the text itself, no command of Envoy's


async def test_headers_are_set_added_and_removed_on_the_way_back(mesh: Running) -> None:
    headers = (await mesh.get("edited")).headers
    assert headers["x-kind"] == "mesh"
    assert headers["x-share"] == "%%"
    assert headers["x-added"] == "1"
    assert "x-powered-by" not in headers


async def test_weights_are_shares_whatever_they_add_up_to(mesh: Running) -> None:
    answers = [await mesh.get("shared") for _ in range(200)]
    second = sum(answer.instance == "shared-v2" for answer in answers)
    assert 114 <= second <= 183  # of 200 at 3 in 4: six standard deviations to the left


async def test_headers_of_a_share_are_for_its_requests_alone(mesh: Running) -> None:
    answers = [await mesh.get("marked") for _ in range(40)]
    seen = {(answer.instance, *answer.got("x-for")) for answer in answers}
    assert seen == {("marked-v1", "one"), ("marked-v2", "two")}
    told = {(answer.instance, answer.headers.get("x-by")) for answer in answers}
    assert told == {("marked-v1", "one"), ("marked-v2", None)}


async def test_copies_go_to_all_that_a_rule_names(mesh: Running) -> None:
    before = mesh.upstream.reached.copy()
    assert (await mesh.get("spread")).status == 200
    more = {"shared-v1", "copied-v2"}
    await mesh.upstream.until(lambda: more <= (mesh.upstream.reached - before).keys())


async def test_a_rule_may_have_a_policy_for_pages_of_other_origins(mesh: Running) -> None:
    preflight = {"origin": "https://shop.example", "access-control-request-method": "PUT"}
    answer = await mesh.get("read", headers=preflight, method="OPTIONS")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-methods"] == "PUT"
    other = await mesh.get("patient", headers=preflight, method="OPTIONS")
    assert "access-control-allow-origin" not in other.headers


async def test_a_share_by_chance_leaves_the_weights_of_the_rest_as_they_are(mesh: Running) -> None:
    """A third of 600, within four standard deviations; the weights go by the same random number."""
    answers = [await mesh.get("unlucky") for _ in range(600)]
    seen = Counter(each.instance if each.status == 200 else each.status for each in answers)
    assert abs(seen[500] - 200) <= 46
    assert abs(seen["unlucky-v1"] - 200) <= 46
    assert abs(seen["unlucky-v2"] - 200) <= 46


async def test_a_weight_of_nothing_gets_nothing(mesh: Running) -> None:
    seen = {(await mesh.get("unshared")).instance for _ in range(20)}
    assert seen == {"unshared-v2"}


async def test_a_rule_may_lead_to_a_version_of_another_service(mesh: Running) -> None:
    assert (await mesh.get("elsewhere")).instance == "shared-v2"


async def test_a_service_with_versions_and_no_weights_is_served_by_all_in_turn(
    mesh: Running,
) -> None:
    seen = [(await mesh.get("patient")).instance for _ in range(4)]
    assert sorted(seen) == ["patient-v1", "patient-v1", "patient-v2", "patient-v2"]


async def test_a_timeout_ends_in_504_and_nothing_else_has_one(mesh: Running) -> None:
    late = await mesh.get("hasty", headers={"x-wait": "1"})
    assert (late.status, late.body) == (504, "upstream request timeout")
    assert 0.09 <= late.seconds < 0.9
    assert (await mesh.get("patient", headers={"x-wait": "0.2"})).status == 200


async def _tries(mesh: Running, to: str, answers: str, **headers: str) -> tuple[int, int]:
    """The status that the caller got and how often the upstream was asked."""
    name = f"{to} {answers} {headers}"
    answer = await mesh.get(to, headers={"x-id": name, "x-answer": answers, **headers})
    return answer.status, mesh.upstream.tries[name]


async def test_retries_come_after_the_first_try_and_end_with_success(mesh: Running) -> None:
    assert await _tries(mesh, "tenacious", "503") == (503, 4)
    assert await _tries(mesh, "tenacious", "503,500,200") == (200, 3)
    assert await _tries(mesh, "tenacious", "404") == (404, 1)
    assert await _tries(mesh, "defeatist", "503") == (503, 1)
    assert await _tries(mesh, "patient", "503") == (503, 1)


async def test_a_status_among_the_conditions_is_retried(mesh: Running) -> None:
    assert await _tries(mesh, "choosy", "418,200") == (200, 2)
    assert await _tries(mesh, "choosy", "503") == (503, 1)


async def test_the_upstream_is_told_which_try_it_is(mesh: Running) -> None:
    sent = {"x-id": "counted", "x-answer": "503,200"}
    assert (await mesh.get("tenacious", headers=sent)).got("x-envoy-attempt-count") == ["2"]


async def test_a_backoff_is_waited_before_each_retry(mesh: Running) -> None:
    del mesh.upstream.times[:]
    assert await _tries(mesh, "steady", "503") == (503, 3)
    first, _, third = mesh.upstream.times
    assert 0 <= third - first < 0.4  # each is a random part of 100 ms


async def test_a_try_that_takes_too_long_is_given_up_for_another(mesh: Running) -> None:
    status, tries = await _tries(mesh, "quick", "200", **{"x-wait": "0.5"})
    assert (status, tries) == (504, 3)


async def test_a_mirror_gets_a_copy_and_answers_nobody(mesh: Running) -> None:
    for _ in range(20):
        assert (await mesh.get("copied")).instance.startswith("copied")
    await mesh.upstream.until(lambda: mesh.upstream.hosts["copied-shadow"] == 20)


async def test_a_mirror_gets_its_percentage(mesh: Running) -> None:
    for _ in range(100):
        await mesh.get("uncopied")
        await mesh.get("sometimes")
    await mesh.upstream.until(lambda: mesh.upstream.hosts["sometimes-shadow"] >= 22)
    assert mesh.upstream.hosts["sometimes-shadow"] <= 78  # five and a half standard deviations
    assert mesh.upstream.hosts["uncopied-shadow"] == 0
