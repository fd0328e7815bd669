"""What limits promise, and where they promise nothing."""

from __future__ import annotations

import pytest

from mesh_patterns.promises import promises
from tests.mesh_patterns.conftest import Read

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}}}\npatterns:\n"


def claims(read: Read, pattern: str) -> list[tuple[int, dict[int, str]]]:
    draft = read(f"{MESH}- {{{pattern}}}")
    return [
        (each.send, {status: str(bound) for status, bound in (each.status or {}).items()})
        for each in promises(draft)
    ]


def test_a_local_limit_promises_that_many_are_refused(read: Read) -> None:
    """Each of two Envoys may let 5 through, and 5 more if it is filled meanwhile."""
    found = claims(read, "pattern: rate_limit, on: web, limit: 5/min, status: 503")
    assert found == [(2 * 5 * 2 + 20, {503: ">= 20"})]


@pytest.mark.parametrize(
    "pattern",
    [
        "pattern: rate_limit, on: web, limit: 5/s",
        "pattern: rate_limit, on: web, limit: 500/min",
        "pattern: rate_limit, on: web, limit: 5/min, burst: 10",
        "pattern: rate_limit, on: web, limit: 5/min, key: 'header:a'",
        "pattern: rate_limit, on: web, limit: 5/min, per: connection",
        "pattern: rate_limit, on: web, scope: global, limits: {default: 5/min}",
        "pattern: admission_control, on: web",
        "pattern: adaptive_concurrency, on: web",
        "pattern: connection_rate, on: web, limit: 5/min",
        "pattern: fault, on: web, abort: {status: 503}, max_active: 1",
    ],
)
def test_nothing_is_promised_where_more_than_a_number_decides(read: Read, pattern: str) -> None:
    assert claims(read, pattern) == []


def test_a_limit_that_only_counts_changes_nothing(read: Read) -> None:
    assert claims(read, "pattern: rate_limit, on: web, limit: 5/min, shadow: true") == claims(
        read, "pattern: compression, on: web"
    )
