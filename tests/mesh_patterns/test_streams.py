"""What is about requests is refused of services that get none, by name."""

from __future__ import annotations

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh:
  services:
    web: {calls: [db]}
    db: {protocol: %s, versions: {v1: , v2: }}
patterns:
"""


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("retries, on: db, attempts: 2", "6:3: retries is about requests, and 'db' speaks tcp"),
        ("timeout, on: db, after: 1s", "6:3: timeout is about requests, and 'db' speaks tcp"),
        ("fault, on: db, abort: {status: 503}", "6:3: fault is about requests"),
        ("fault, on: web -> db, abort: {status: 503}", "6:3: fault is about requests"),
        ("route, on: db, rules: [{match: {path: /x}}]", "6:36: a rule is about requests"),
    ],
)
def test_what_is_about_requests_is_refused(refusal: Refusal, pattern: str, told: str) -> None:
    assert refusal(MESH % "tcp" + f"- {{pattern: {pattern}}}").startswith(told)


def test_what_is_about_hosts_and_connections_is_not(read: Read) -> None:
    patterns = """\
- {pattern: canary, on: db, weights: {v1: 50, v2: 50}}
- {pattern: circuit_breaker, on: db, max_connections: 5}
- {pattern: connection_limit, on: db, connections: 5}
- {pattern: mtls, on: db}
"""
    assert read(MESH % "tcp" + patterns).filters


def test_what_envoy_shares_out_by_key_has_no_weights(refusal: Refusal) -> None:
    text = MESH % "redis" + "- {pattern: canary, on: db, weights: {v1: 50, v2: 50}}"
    assert refusal(text).startswith("6:38: 'db' speaks redis, which is not shared out by weights")


def test_without_an_envoy_there_is_grpc_only(refusal: Refusal) -> None:
    text = "mesh: {services: {db: {protocol: tcp, dataplane: grpc}}}"
    assert refusal(text).startswith("1:34: is tcp, but 'dataplane: grpc' is for gRPC")
