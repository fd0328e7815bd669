from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, joined, route, services

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def policy(kind: str, spec: str, target: str = "{group: '', kind: Service, name: web}") -> str:
    return f"""
        apiVersion: gateway.networking.x-k8s.io/v1alpha1
        kind: {kind}
        metadata: {{name: x}}
        spec: {{targetRefs: [{target}], {spec}}}
    """


def session(draft: Draft, name: str = "web") -> Any:
    found = [
        each.config
        for each in draft.filters
        if each.kind == "session" and each.edge == ("client", name)
    ]
    return found[0] if found else None


COOKIE = (
    "sessionPersistence: {sessionName: chocolate, absoluteTimeout: 1h,"
    " cookieConfig: {lifetimeType: Permanent}}"
)
BUDGET = "retryConstraint: {budget: {percent: 25, interval: 15s}, minRetryRate: {count: 7}}"


@pytest.mark.parametrize("kind", ["XBackendTrafficPolicy", "BackendLBPolicy"])
def test_sessions_are_of_all_who_call_a_service(imported: Import, kind: str) -> None:
    found = session(imported(services("web"), policy(kind, COOKIE)))
    assert (found.cookie, found.ttl) == ("chocolate", timedelta(hours=1))


def test_a_budget_is_of_the_retries_that_routes_ask_for(imported: Import, told: Told) -> None:
    retry = "{retry: {attempts: 3, codes: [500]}, backendRefs: [{name: web, port: 80}]}"
    routed = route(f"- {retry}", parent="{kind: Service, group: '', name: web}")
    draft = imported(services("web"), policy("XBackendTrafficPolicy", BUDGET), routed)
    edge = draft.edges["client", "web"]
    found = edge.settings["retry_budget"].value
    assert (found.percent, found.interval) == (25, timedelta(seconds=15))
    assert found.min_concurrency == 7
    assert edge.settings["retries"].value.attempts == 0
    assert [rule.value("retries").attempts for rule in edge.rules] == [3]
    assert any("minRetryRate" in line for line in told(draft))


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        ("sessionPersistence: {type: Header}", "sessionPersistence by Header"),
        ("sessionPersistence: {idleTimeout: 1s}", "sessionPersistence.idleTimeout"),
        (
            "sessionPersistence: {absoluteTimeout: 1s}",
            "sessionPersistence.absoluteTimeout of a cookie",
        ),
        ("novelty: 1", "novelty"),
    ],
)
def test_what_is_not_taken_is_told(imported: Import, told: Told, spec: str, warning: str) -> None:
    draft = imported(services("web"), policy("XBackendTrafficPolicy", spec))
    assert any(f"not imported yet: {warning}" in line for line in told(draft))


def test_who_is_not_there_is_told(imported: Import, told: Told) -> None:
    for target, warning in (
        ("{kind: Service, name: gone}", "no file has the Service 'gone'"),
        ("{kind: Secret, name: web}", "a targetRef to a Secret"),
    ):
        draft = imported(services("web"), policy("BackendLBPolicy", COOKIE, target))
        assert session(draft) is None
        assert any(warning in line for line in told(draft))


def test_a_rule_may_ask_for_sessions_and_the_first_counts(imported: Import, told: Told) -> None:
    one = "{sessionPersistence: {sessionName: one}, backendRefs: [{name: web, port: 80}]}"
    routed = route(f"- {one}\n- {one.replace('one', 'two')}")
    draft = imported(services("web"), joined(GATEWAY, routed))
    assert session(draft).cookie == "one"
    lines = "\n".join(told(draft))
    assert "sessionPersistence: of all requests to the backends of its rule" in lines
    assert "sessions of 'web' are as at" in lines


TLS = "validation: {hostname: web.example, wellKnownCACertificates: System}"


def test_tls_to_a_backend_is_of_the_mesh(imported: Import, told: Told) -> None:
    draft = imported(services("web"), policy("BackendTLSPolicy", TLS))
    assert draft.mtls["web"].value == "permissive"
    assert any("certificates of the mesh's own authority" in line for line in told(draft))


def test_to_a_service_outside_it_is_that_ones_own(imported: Import) -> None:
    entry = """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: x}
        spec: {hosts: [a.example], ports: [{number: 443, protocol: HTTPS}], resolution: DNS}
    """
    target = "{kind: Hostname, name: a.example}"
    draft = imported(services("web"), entry, policy("BackendTLSPolicy", TLS, target))
    external = draft.mesh.services["a.example"].external
    assert external is not None
    assert external.tls is not None
    assert external.tls.sni == "web.example"


def test_a_policy_without_a_name_to_verify_is_refused(refusal: Callable[..., str]) -> None:
    wrong = policy("BackendTLSPolicy", "validation: {}")
    assert "a validation has no 'hostname'" in refusal(services("web"), wrong)
