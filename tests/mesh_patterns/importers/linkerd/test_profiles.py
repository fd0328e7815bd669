"""ServiceProfiles: which requests a route has, how often they are sent, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined
from tests.mesh_patterns.importers.linkerd.samples import SHOP, profile
from tests.mesh_patterns.running import running

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def retried(condition: str) -> str:
    """A profile whose one route is retried."""
    return profile(f"[{{condition: {condition}, isRetryable: true}}]")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ("{pathRegex: '/books/\\d+'}", ["GET /books/1", "POST /books/1?a=b"],
         ["GET /books/1/x", "GET /a/books/1"]),
        ("{method: POST, pathRegex: /a}", ["POST /a"], ["GET /a", "POST /ab"]),
        ("{any: [{method: PUT}, {all: [{method: GET}, {pathRegex: /a}]}]}",
         ["PUT /x", "GET /a"], ["GET /x"]),
        ("{not: {any: [{method: GET}, {pathRegex: '/a|/b'}]}}",
         ["POST /c", "PUT /ab?x=1"], ["GET /c", "POST /a", "POST /b?x=1"]),
        ("{all: [{pathRegex: '/a.*'}, {not: {all: [{pathRegex: /ab}, {method: GET}]}}]}",
         ["GET /a", "POST /ab"], ["GET /ab", "GET /b"]),
        ("{all: [{pathRegex: '/a.*'}, {pathRegex: '.*z'}]}", ["GET /az?q"], ["GET /a", "GET /z"]),
    ],
)  # fmt: skip
async def test_a_route_has_the_requests_of_its_condition(
    tmp_path: Path, condition: str, yes: list[str], no: list[str]
) -> None:
    async with running(joined(NODE, SHOP, retried(condition)), tmp_path) as mesh:
        for request in [*yes, *no]:
            method, path = request.split()
            fields = {"x-answer": "503,200", "x-id": request}
            answer = await mesh.get("books", path, fields, method=method)
            assert answer.status == (200 if request in yes else 503), request


@pytest.mark.asyncio
async def test_what_is_a_failure_is_said_by_classes(tmp_path: Path) -> None:
    classes = (
        "[{condition: {all: [{status: {min: 400, max: 499}}, {not: {status: {min: 404}}}]},"
        " isFailure: true}, {condition: {any: [{status: {max: 501}}]}, isFailure: false}]"
    )
    route = f"[{{condition: {{method: GET}}, isRetryable: true, responseClasses: {classes}}}]"
    async with running(joined(NODE, SHOP, profile(route)), tmp_path) as mesh:
        for status, again in ((429, True), (404, False), (501, False), (503, True), (302, False)):
            fields = {"x-answer": f"{status},200", "x-id": str(status)}
            answer = await mesh.get("books", "/", fields)
            assert answer.status == (200 if again else status)


def test_a_budget_is_of_what_is_under_way_and_told(imported: Import, told: Told) -> None:
    budget = "  retryBudget: {retryRatio: 0.5, minRetriesPerSecond: 3, ttl: 10s}"
    route = "[{condition: {method: GET}, isRetryable: true}]"
    draft = imported(SHOP, profile(route, budget))
    edge = draft.edges["web", "books"]
    found = edge.settings["retry_budget"].value
    assert (found.percent, found.min_concurrency) == (50.0, 3)
    assert edge.value(edge.rules[0], "retries").attempts == 10
    assert ("ingress", "books") not in draft.edges
    assert any("2.yaml:7:3: retryBudget: of the requests" in line for line in told(draft))


def test_without_a_budget_linkerds_own_holds_where_something_is_retried(imported: Import) -> None:
    edge = imported(SHOP, retried("{method: GET}")).edges["web", "books"]
    found = edge.settings["retry_budget"].value
    assert (found.percent, found.min_concurrency) == (20.0, 10)
    quiet = imported(SHOP, profile("[{condition: {method: GET}, timeout: 1s}]"))
    assert "retry_budget" not in quiet.edges["web", "books"].settings


def test_a_profile_of_another_namespace_is_for_callers_there(imported: Import, told: Told) -> None:
    shop = SHOP.replace("metadata: {name: web,", "metadata: {name: web, namespace: front,").replace(
        "http://books", "http://books.default"
    )
    theirs = profile("[{condition: {method: GET}, timeout: 1s}]").replace(
        "metadata: {", "metadata: {namespace: front, "
    )
    ours = profile("[{condition: {method: GET}, timeout: 2s}]")
    draft = imported(shop, ours, theirs)
    of = {
        name: [str(r.value("timeout")) for r in draft.edges[name, "books"].rules if r.match]
        for name in ("web", "robot")
    }
    assert of == {"web": ["0:00:01", "0:00:02"], "robot": ["0:00:02"]}
    assert not draft.edges["web", "books"].rules[1].match  # the rest is none of the producer's
    nobody = theirs.replace("namespace: front", "namespace: back")
    assert any("where nobody calls 'books'" in line for line in told(imported(shop, nobody)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (retried("{}"), "a condition is one of method, pathRegex, all, any, not"),
        (retried("{path: /a}"), "unknown condition 'path'; did you mean 'pathRegex'"),
        (retried("{all: [{method: GET}, {method: PUT}]}"), "no request can be what"),
        (retried("{all: [" + ", ".join(["{any: [{method: A}, {method: B}]}"] * 9) + "]}"),
         "at most 64 matches"),
        (profile("[{isRetryable: true}]"), "a route has no 'condition'"),
        (profile("[{condition: {method: GET}, isRetryable: true, responseClasses: "
                 "[{condition: {status: {}}}]}]"), "a status has a 'min', a 'max' or both"),
        (profile("[{condition: {method: GET}, timeout: soon}]"), "expected a duration"),
        (profile("{a: b}"), "expected a list, got a mapping"),
        (profile("[{condition: {method: GET}, isRetryable: true}]",
                 "  retryBudget: {retryRatio: lots}"), "expected a number, got 'lots'"),
        (profile("[]", "  dstOverrides: [{authority: books, weight: half}]"), "a weight is"),
    ],
)  # fmt: skip
def test_what_linkerd_would_not_take_is_refused(
    refusal: Callable[..., str], text: str, line: str
) -> None:
    found = refusal(SHOP, text)
    assert line in found
    assert found.count("\n") == 0


def test_a_profile_of_nobody_is_left_out(imported: Import, told: Told) -> None:
    text = profile("[]", name="gone.default.svc.cluster.local")
    assert any("is left out" in line for line in told(imported(SHOP, text)))
