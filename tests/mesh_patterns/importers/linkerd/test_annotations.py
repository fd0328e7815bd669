"""Linkerd's annotations: of Services, routes, workloads and namespaces."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined, route
from tests.mesh_patterns.importers.linkerd.samples import (
    EGRESS,
    LIMITS,
    SHOP,
    annotated,
    profile,
    server,
)
from tests.mesh_patterns.running import running

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
SERVICE = '{group: "", kind: Service, name: books, port: 80}'


def at_the_service(rules: str, **annotations: str) -> str:
    """A route at the books' Service."""
    names = {name.replace("__", ".linkerd.io/"): text for name, text in annotations.items()}
    shown = ", ".join(f'{name}: "{text}"' for name, text in names.items())
    return route(rules, parent=SERVICE, meta=f", annotations: {{{shown}}}")


def patience(draft: Draft, rule: int | None = None) -> tuple[object, object, object, object]:
    """Timeout, attempts, conditions and the time of a try, of the books' callers."""
    edge = draft.edges["web", "books"]
    found = edge.settings if rule is None else edge.rules[rule].settings
    timeout, retries = (found[name].value if name in found else None for name in _NAMES)
    rest = (retries.attempts, retries.retry_on, retries.per_try_timeout) if retries else (0, (), 0)
    return (timeout, *rest)


_NAMES = ("timeout", "retries")
SECOND = timedelta(seconds=1)


def test_a_service_says_how_patient_its_callers_are(imported: Import) -> None:
    text = annotated(
        retry__http="429,500-502,gateway-error",
        retry__limit="3",
        retry__timeout="1s",
        timeout__request="2s",
    )
    expected = (2 * SECOND, 3, ("429", "500", "501", "502", "gateway-error"), SECOND)
    assert patience(imported(SHOP, text)) == expected


def test_a_limit_alone_is_for_server_errors_and_a_response_has_a_timeout(imported: Import) -> None:
    draft = imported(SHOP, annotated(retry__limit="2", timeout__response="1s"))
    assert patience(draft) == (SECOND, 2, ("5xx",), None)


@pytest.mark.asyncio
async def test_a_routes_annotations_win_over_those_of_its_service(tmp_path: Path) -> None:
    """And a rule without backends leads to the Service itself."""
    texts = (
        annotated(retry__http="503", retry__limit="1"),
        at_the_service("- {matches: [{path: {value: /a}}]}", retry__http="500", retry__limit="2"),
    )
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        for answers, status in (("500,500,200", 200), ("503,200", 503)):
            got = await mesh.get("books", "/a", {"x-answer": answers, "x-id": answers})
            assert got.status == status


def test_a_profile_stands_instead_of_annotations(imported: Import, told: Told) -> None:
    text = annotated(timeout__request="2s")
    draft = imported(SHOP, text, profile("[{condition: {method: GET}, timeout: 1s}]"))
    assert patience(draft)[0] is None
    assert any("has a ServiceProfile" in line for line in told(draft))


@pytest.mark.asyncio
async def test_a_host_that_fails_in_a_row_is_left_alone(tmp_path: Path) -> None:
    text = annotated(
        balancer__failure_accrual="consecutive",
        balancer__failure_accrual_consecutive_max_failures="2",
    )
    async with running(joined(NODE, SHOP, text), tmp_path) as mesh:
        for answers in (["500,200"] * 2, ["500"] * 4):
            for answer in answers:
                await mesh.get("books", "/", {"x-answer": answer, "x-id": answers[0]})
        assert mesh.upstream.tries["500"] == 2


def test_opaque_ports_are_of_tcp(imported: Import) -> None:
    database = """
    apiVersion: v1
    kind: Service
    metadata: {name: db, annotations: {config.linkerd.io/opaque-ports: "25,5000-5500"}}
    spec: {selector: {app: db}, ports: [{port: 5432}]}
    """
    services = imported(SHOP, database).mesh.services
    assert (services["db"].protocol, services["books"].protocol) == ("tcp", "http")


@pytest.mark.asyncio
async def test_a_namespace_says_whom_its_workloads_let_in_without_a_server(tmp_path: Path) -> None:
    namespace = """
    apiVersion: v1
    kind: Namespace
    metadata: {name: default, annotations: {config.linkerd.io/default-inbound-policy: deny}}
    """
    open_ = server(", accessPolicy: all-unauthenticated")
    async with running(joined(NODE, SHOP, namespace, open_), tmp_path) as mesh:
        assert [(await mesh.get(name)).status for name in ("books", "robot")] == [200, 403]


def test_a_workload_wins_over_its_namespace(imported: Import) -> None:
    namespace = """
    apiVersion: v1
    kind: Namespace
    metadata: {name: default, annotations: {config.linkerd.io/default-inbound-policy: deny}}
    """
    pod = """
    apiVersion: v1
    kind: Pod
    metadata: {name: free, labels: {app: free},
      annotations: {config.linkerd.io/default-inbound-policy: all-unauthenticated}}
    """
    draft = imported(SHOP, namespace, pod)
    guarded = {each.inbound.service for each in draft.filters if each.inbound}
    assert guarded == {"books", "db", "web", "robot"}


@pytest.mark.asyncio
async def test_a_rate_is_of_all_and_of_each_identity(tmp_path: Path) -> None:
    texts = (server(", accessPolicy: all-unauthenticated"), LIMITS)
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        found = [(await mesh.get("books", caller="robot")).status for _ in range(3)]
        assert found == [200, 429, 429]
        assert {(await mesh.get("books", caller="web")).status for _ in range(9)} == {200}


def test_a_host_of_an_egress_network_is_a_service_outside(imported: Import, told: Told) -> None:
    draft = imported(SHOP, EGRESS)
    assert "api.example.com" in draft.mesh.services
    assert any("outside of the mesh, so the echo stands in" in line for line in told(draft))


@pytest.mark.parametrize(
    ("annotations", "line"),
    [
        ({"retry__http": "5xx,often"}, "unknown condition 'often', expected statuses"),
        ({"retry__http": "600"}, "unknown condition '600'"),
        ({"retry__grpc": "unavailabel"}, "did you mean 'unavailable'"),
        ({"retry__limit": "some"}, "expected a number of retries, got 'some'"),
        ({"timeout__request": "soon"}, "expected a duration"),
        ({"balancer__failure_accrual": "sometimes"}, "expected consecutive, got 'sometimes'"),
        ({"balancer__failure_accrual": "consecutive",
          "balancer__failure_accrual_consecutive_max_failures": "-1"}, "a number of failures"),
        ({"config__opaque_ports": "1-2-3"}, "expected ports such as 25,8080-8090"),
    ],
)  # fmt: skip
def test_a_value_that_linkerd_would_not_take_is_refused(
    refusal: Callable[..., str], annotations: dict[str, str], line: str
) -> None:
    found = refusal(SHOP, annotated(**annotations))
    assert line in found
    assert found.count("\n") == 0


def test_an_annotation_that_nobody_knows_is_told(imported: Import, told: Told) -> None:
    lines = told(imported(SHOP, annotated(timeout__requests="1s")))
    assert any("unknown annotation 'timeout.linkerd.io/requests'; did you" in e for e in lines)
