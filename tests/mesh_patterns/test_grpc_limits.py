"""Warnings of what gRPC leaves out; that it does is asked of a grpcio in ``compile/grpc/``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mesh_patterns.running import drafted

MESH = """\
mesh:
  services:
    web: {dataplane: grpc, calls: [api]}
    api: {dataplane: grpc, versions: {v1: , v2: }}
    old: {protocol: grpc, calls: [api]}
patterns:
  - PATTERN
"""


def warned(folder: Path, pattern: str) -> list[str]:
    """What is said of a pattern, without the file's name."""
    draft = drafted(MESH.replace("PATTERN", pattern), folder)
    return [str(problem).removeprefix(f"{folder / 'mesh.yaml'}:") for problem in draft.warnings]


CLIENTS = [
    ("retries, on: api, per_try_timeout: 1s", "ignores 'per_try_timeout'"),
    ("retries, on: api, retry_on: 5xx reset unavailable", "ignores 'retry_on: 5xx, reset'"),
    ("retries, on: api, attempts: 7", "retries 4 times, not 7"),
    ("retries, on: api, backoff: {base: 1ms}", "waits 2ms at least before it retries"),
    ("mirror, on: api, to: v2", "ignores 'mirror'"),
    (
        "timeout, on: api, after: 1500ms",
        "may end every call at once with a timeout of 1.5s: "
        "the one for Python, C++, Ruby and PHP is 1 to 2 s early",
    ),
    ("circuit_breaker, on: api, max_requests: 1, max_retries: 1", "ignores 'max_retries'"),
    ("outlier_detection, on: api, consecutive_5xx: 3", "ignores 'consecutive_5xx'"),
    ("load_balancing, on: api, policy: random", "has no 'random' and takes 'round_robin'"),
    ("load_balancing, on: api, panic_threshold: 10", "ignores 'panic_threshold'"),
    ("load_balancing, on: api, hash: cookie:c", "ignores 'hash: cookie'"),
    ("load_balancing, on: api, hash: source_ip", "hashes its channel for 'hash: source_ip'"),
]


@pytest.mark.parametrize(("pattern", "what"), CLIENTS)
def test_a_grpc_client_is_told_of_at_the_line_of_the_pattern(
    tmp_path: Path, pattern: str, what: str
) -> None:
    (said,) = warned(tmp_path, "{pattern: " + pattern + "}")
    assert said == f"7:5: warning: a gRPC client {what} (service web, dataplane grpc)"


RULES = [
    ("match: {query: {q: a}}, to: v2", "7:39", "passes over a rule with 'query'"),
    ("match: {host: a}, to: v2", "7:39", "passes over a rule with 'host'"),
    (
        "match: {headers: {user-agent: {prefix: curl}}}, to: v2",
        "7:39",
        "passes over a rule with 'header user-agent'",
    ),
    ("respond: {status: 200}", "7:49", "fails with UNAVAILABLE where a rule says 'respond'"),
    ("redirect: {path: /a}", "7:50", "fails with UNAVAILABLE where a rule says 'redirect'"),
    ("rewrite: {path: /a}", "7:49", "ignores 'rewrite'"),
    ("headers: {request: {set: {a: b}}}", "7:49", "ignores 'headers'"),
    ("retries: {per_try_timeout: 1s}", "7:49", "ignores 'per_try_timeout'"),
]


@pytest.mark.parametrize(("rule", "place", "what"), RULES)
def test_a_rule_is_told_of_at_its_own_line(
    tmp_path: Path, rule: str, place: str, what: str
) -> None:
    (said,) = warned(tmp_path, "{pattern: route, on: api, rules: [{" + rule + "}]}")
    assert said == f"{place}: warning: a gRPC client {what} (service web, dataplane grpc)"


SERVERS = [
    (
        "fault, on: api, delay: {fixed: 1s}",
        "ignores 'fault'; with 'side: caller' its callers do it",
    ),
    (
        "authorization, on: api, deny: {paths: /a}, dry_run: true",
        "ignores 'dry_run': it neither counts nor denies",
    ),
    (
        "authorization, on: api, deny: {remote_ip_blocks: 10.0.0.0/8}",
        "takes the connection's other end for 'remote_ip_blocks'",
    ),
]


@pytest.mark.parametrize(("pattern", "what"), SERVERS)
def test_a_grpc_server_is_told_of(tmp_path: Path, pattern: str, what: str) -> None:
    (said,) = warned(tmp_path, "{pattern: " + pattern + "}")
    assert said.partition("warning: ")[2] == f"a gRPC server {what} (service api, dataplane grpc)"


QUIET = [
    "retries, on: api",
    "timeout, on: api, after: 3s",
    "fault, on: web -> api, abort: {grpc_status: 8}, when: {headers: {a: {present: true}}}",
    "circuit_breaker, on: api, max_requests: 1",
    "load_balancing, on: api, hash: header:a",
    "canary, on: api, weights: {v1: 50, v2: 50}",
    "authorization, on: api, deny: {paths: /a}",
    "mirror, on: old -> api, to: v2",
    "fault, on: old, delay: {fixed: 1s}",
]


@pytest.mark.parametrize("pattern", QUIET)
def test_what_grpc_does_nobody_is_told_of(tmp_path: Path, pattern: str) -> None:
    assert warned(tmp_path, "{pattern: " + pattern + "}") == []


def test_a_version_is_chosen_by_chance_whatever_is_hashed(tmp_path: Path) -> None:
    patterns = "{pattern: canary, on: api, weights: {v1: 50, v2: 50}}\n"
    patterns += "  - {pattern: load_balancing, on: api, hash: header:a}"
    (said,) = warned(tmp_path, patterns)
    assert said.startswith("7:41: warning: a gRPC client chooses versions by chance, whatever")


def test_a_name_with_a_star_can_not_be_looked_up(tmp_path: Path) -> None:
    text = MESH.replace("v2: }}", "v2: }, hosts: ['*.test']}").replace("  - PATTERN", "  []")
    (problem,) = drafted(text, tmp_path).warnings
    assert problem.message.startswith("a gRPC client can't look up the host '*.test'")
