from __future__ import annotations

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh:
  services:
    page: {calls: [web], ingress: true}
    web: {versions: {v1: , v2: }, hosts: [web.shop]}
expect:
"""
INSIDE = "mesh: {services: {web: }}\nexpect:\n"


@pytest.mark.parametrize(
    ("claim", "caller"),
    [
        ("{status: 200}", "ingress"),
        ("{to: web, status: 200}", "client"),
        ("{from: page, to: web, status: 200}", "page"),
        ("{from: page, to: web.shop, share: {v1: 1}}", "page"),
        ("{from: ingress, to: page, within: 1s}", "ingress"),
        ("{from: client, to: page, body_contains: x}", "client"),
        ("{upstream: {web/v1: 1, page: 1, web: 0..5}}", "ingress"),
        ("{to: web, upstream: {v1: 1}, engines: [wasmtime, envoy]}", "client"),
        ("{response_headers: {a: {present: false}}}", "ingress"),
        ("{upstream_ratio: 4x}", "ingress"),
    ],
)
def test_a_claim_says_who_sends_or_it_follows(read: Read, claim: str, caller: str) -> None:
    mesh = read(f"{MESH}- {claim}").mesh
    assert [each.caller(mesh) for each in mesh.claims] == [caller]


def test_a_bare_status_is_that_of_all(read: Read) -> None:
    claims = read(f"{MESH}- {{status: 200}}\n- {{status: {{503: 1..2, 200: 5}}}}").mesh.claims
    assert [{k: str(v) for k, v in (each.status or {}).items()} for each in claims] == [
        {200: "100%"},
        {503: "1..2", 200: "5"},
    ]


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (
            "{}",
            "6:3: claims nothing; expected at least one of status, answered, share, each, "
            "upstream_ratio, upstream, versions, replicas, within, latency, peak, stats, ",
        ),
        ("{share: {}}", "6:3: claims nothing; expected at least one of status, answered"),
        ("{to: wb, status: 200}", "6:8: no service 'wb'; did you mean 'web'?"),
        ("{from: pag, to: web, status: 200}", "6:10: no service 'pag'; did you mean 'page'?"),
        (
            "{from: web, to: page, status: 200}",
            "6:10: 'web' does not call 'page'; add it to the 'calls' of 'web'",
        ),
        (
            "{from: ingress, to: web, status: 200}",
            "6:10: 'web' is not at the ingress; give it 'ingress: true'",
        ),
        ("{from: page, status: 200}", "6:3: say which service the requests go 'to'"),
        ("{share: {v1: 1}}", "6:12: 'page' has no version 'v1'"),
        ("{to: web, share: {v3: 1}}", "6:21: 'web' has no version 'v3'"),
        ("{to: web, upstream: {x/v3: 1}}", "6:24: no service 'x'"),
        (
            "{to: web, send: -1, status: 200}",
            "6:19: send: input should be greater than or",
        ),
        ("{to: web, send: 2000000, status: 200}", "6:19: send: input should be less than or equal"),
        (
            "{to: web, concurrency: 1001, status: 200}",
            "6:26: concurrency: input should be",
        ),
        ("{to: web, timeout: 5, status: 200}", "6:22: timeout: expected a duration such as"),
        ("{to: web, status: ok}", "6:13: key 'ok': expected a whole number"),
        ("{to: web, status: {200: 5..}}", "6:27: 200: expected a number or bounds such as 72..128"),
        ("{to: web, engines: [], status: 200}", "6:22: engines: expected at least one entry"),
        (
            "{to: web, engines: [v8], status: 200}",
            "6:23: input should be 'envoy' or",
        ),
        ("{to: web, response_headers: {a: {prefx: b}}}", "6:36: unknown key 'prefx'; did you mean"),
    ],
)
def test_a_claim_of_what_is_not_there_is_refused(refusal: Refusal, claim: str, told: str) -> None:
    assert refusal(f"{MESH}- {claim}").startswith(told)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("{status: 200}", "3:3: say which service the requests go 'to'"),
        (
            "{from: ingress, status: 200}",
            "3:10: nothing is at the ingress; give a service 'ingress: true'",
        ),
    ],
)
def test_without_an_ingress_a_claim_names_its_service(
    refusal: Refusal, claim: str, told: str
) -> None:
    assert refusal(f"{INSIDE}- {claim}") == told


def test_nobody_counts_for_a_program_without_an_envoy(refusal: Refusal) -> None:
    services = "web: {dataplane: grpc, versions: {v1: {run: serve}, v2: }}"
    for bound in ("share: {v2: 10..20}", "upstream: {v1: 1}", "upstream_ratio: 1x", "versions: 2"):
        text = f"mesh: {{services: {{{services}}}}}\nexpect:\n- {{to: web, {bound}}}"
        at = "web/v1" if bound.startswith("upstream:") else "web"
        column = text.splitlines()[2].index(bound) + 1
        column += len("share: {") if bound.startswith("share") else 0
        column += len("upstream: {") if bound.startswith("upstream:") else 0
        assert refusal(text) == (
            f"3:{column}: nobody counts what arrives at {at}: it has 'dataplane: grpc' "
            "and a program of its own; claim what it answers"
        )


def test_of_a_built_in_echo_without_an_envoy_is_counted(read: Read) -> None:
    services = "web: {dataplane: grpc, versions: {v1: {run: serve}, v2: }}"
    text = f"mesh: {{services: {{{services}}}}}\nexpect:\n- {{to: web, upstream: {{v2: 1}}}}"
    assert len(read(text).mesh.claims) == 1
