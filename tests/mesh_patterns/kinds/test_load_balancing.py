from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.policy import HashKey, LoadBalancing, Utilization
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}}}\npatterns:\n"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("policy: random", LoadBalancing("random")),
        ("panic_threshold: 0", LoadBalancing(panic_threshold=0)),
        ("policy: least_request, choice_count: 3", LoadBalancing("least_request", choice_count=3)),
        ("hash: source_ip", LoadBalancing("ring_hash", (HashKey("source_ip"),))),
        (
            "hash: header:X-User, minimum_ring_size: 8, maximum_ring_size: 64",
            LoadBalancing(
                "ring_hash",
                (HashKey("header", "x-user"),),
                minimum_ring_size=8,
                maximum_ring_size=64,
            ),
        ),
        (
            "policy: maglev, table_size: 101, hash: [{cookie: Seat, ttl: 1h}, {source_ip: true}]",
            LoadBalancing(
                "maglev",
                (HashKey("cookie", "Seat", timedelta(hours=1)), HashKey("source_ip")),
                table_size=101,
            ),
        ),
        (
            "policy: client_side_weighted_round_robin, "
            "utilization: {blackout: 0s, metrics: [named_metrics.queue]}",
            LoadBalancing(
                "client_side_weighted_round_robin",
                utilization=Utilization(("named_metrics.queue",), blackout=timedelta(0)),
            ),
        ),
        ("hash: 'query:user'", LoadBalancing("ring_hash", (HashKey("query", "user"),))),
    ],
)
def test_a_balance_is_what_the_file_says(read: Read, keys: str, expected: LoadBalancing) -> None:
    draft = read(f"{MESH}- {{pattern: load_balancing, on: web, {keys}}}")
    assert draft.edges["client", "web"].settings["load_balancing"].value == expected


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "3:3: says nothing; expected a policy, a hash or a panic_threshold"),
        ("utilization: {}", "utilization is for client_side_weighted_round_robin, got round_robin"),
        (
            "policy: client_side_weighted_round_robin, utilization: {update: 50ms}",
            "expected at least 100ms, got 0.05s",
        ),
        ("policy: magic", "input should be 'round_robin', 'least_request', 'random', 'ring_hash'"),
        ("policy: maglev", "hash is for ring_hash and maglev, which need one; got maglev"),
        ("policy: random, hash: source_ip", "hash is for ring_hash and maglev, which need one"),
        (
            "hash: x-user",
            "expected header:NAME, cookie:NAME, query:NAME or source_ip, got 'x-user'",
        ),
        ("hash: 'header:'", "cookie:NAME, query:NAME or source_ip, got 'header:'"),
        ("hash: {}", "expected one of header, cookie, query, source_ip, got none"),
        ("hash: {header: a, cookie: b}", "query, source_ip, got header and cookie"),
        ("hash: {header: a, ttl: 1s}", "ttl is for a cookie"),
        ("hash: source_ip, table_size: 101", "table_size is for maglev, got ring_hash"),
        ("policy: maglev, hash: source_ip, table_size: 100", "table_size must be a prime, got 100"),
        ("hash: source_ip, maximum_ring_size: 9", "a ring of at least 1024 is not at most 9"),
        ("policy: random, choice_count: 2", "choice_count is for least_request, got random"),
        ("panic_threshold: 101", "panic_threshold: a percentage lies between 0 and 100, got 101"),
    ],
)
def test_what_no_balance_can_be_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: load_balancing, on: web, {keys}}}")


def test_a_share_is_of_hosts_that_there_are(read: Read, refusal: Refusal) -> None:
    mesh = "mesh: {services: {web: {versions: {v1: {locality: eu/1}, v2: {locality: us/1}}}}}\n"
    pattern = "patterns:\n- {pattern: load_balancing, on: web, localities: {%s}}"
    draft = read(mesh + pattern % "eu: 80, us/1: 20")
    placed = draft.edges["client", "web"].settings["load_balancing"]
    assert placed.value.localities == ((("eu",), 80), (("us", "1"), 20))
    assert "no host is in 'eu/2'; did you mean 'eu/1'?" in refusal(mesh + pattern % "eu/2: 1")
    assert "localities add up to 0" in refusal(mesh + pattern % "eu: 0")
