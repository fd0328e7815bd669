"""What may be said of connections; compile/test_connection_pool.py has what Envoy does with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.policy import ConnectionPool, Keepalive
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """
mesh:
  services:
    web: {versions: {v1: , v2: }}
    calls: {protocol: grpc}
    bytes: {protocol: tcp}
    cache: {protocol: redis}
patterns:
"""
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("options", "meaning"),
    [
        ("connect_timeout: 1s", ConnectionPool(connect_timeout=SECOND)),
        ("idle_timeout: 0s", ConnectionPool(idle_timeout=timedelta(0))),
        ("tcp_keepalive: {}", ConnectionPool(keepalive=Keepalive())),
        (
            "tcp_keepalive: {idle: 60s, interval: 1s, probes: 3}",
            ConnectionPool(keepalive=Keepalive(60 * SECOND, SECOND, 3)),
        ),
        (
            "protocol: http2, ping: {interval: 1s, timeout: 1s}",
            ConnectionPool(protocol="http2", ping=(SECOND, SECOND)),
        ),
    ],
)
def test_a_pool_is_what_the_file_says(read: Read, options: str, meaning: ConnectionPool) -> None:
    draft = read(f"{MESH}- {{pattern: connection_pool, on: web, {options}}}")
    assert draft.edges["client", "web"].settings["connection_pool"].value == meaning


def test_a_version_may_have_another(read: Read) -> None:
    draft = read(f"{MESH}- {{pattern: connection_pool, on: web/v2, idle_timeout: 1s}}")
    edge = draft.edges["client", "web"]
    assert not edge.of_cluster("v1")
    assert edge.of_cluster("v2")["connection_pool"].value == ConnectionPool(idle_timeout=SECOND)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("on: web", "says nothing; expected a connect_timeout, an idle_timeout, …"),
        ("on: web, connect_timeout: 0s", "connect_timeout: expected at least 1ms, got 0s"),
        ("on: web, tcp_keepalive: {idle: 1500ms}", "idle: expected whole seconds, got 1.5s"),
        ("on: web, max_concurrent_streams: 5", "is of HTTP/2; add 'protocol: http2'"),
        ("on: web, protocol: http1, ping: {interval: 1s, timeout: 1s}", "ping is of HTTP/2"),
        ("on: calls, protocol: http1", "'calls' speaks gRPC, which is HTTP/2"),
        (
            "on: bytes, max_requests_per_connection: 5",
            "max_requests_per_connection is not of connections to 'bytes', which speaks tcp",
        ),
        (
            "on: cache, idle_timeout: 5s",
            "idle_timeout is not of connections to 'cache', which speaks redis",
        ),
        ("on: '*', protocol: http2", "protocol is not of connections to 'bytes'"),
    ],
)
def test_what_no_pool_can_be_is_refused(refusal: Refusal, options: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: connection_pool, {options}}}")


def test_grpc_has_streams_without_being_told_of_http2(read: Read) -> None:
    pattern = "- {pattern: connection_pool, on: calls, max_concurrent_streams: 5}"
    assert not read(MESH + pattern).warnings
