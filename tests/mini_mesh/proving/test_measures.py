"""Verdicts on times, on peaks, and on Envoy's own counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from mini_mesh.proving.measures import quantile
from mini_mesh.proving.observed import Observed, Sample
from mini_mesh.proving.stats import Stats, grown
from tests.mini_mesh.proving.claims import judged

TIMES = Observed(tuple(Sample(200, n / 100) for n in range(1, 101)))


@pytest.mark.parametrize(
    ("bounds", "seen", "holds"),
    [
        ("p50: 0.5", "0.5000 s", True),
        ("p99: < 500ms", "0.9900 s", False),
        ("max: 1s", "1.0000 s", True),
        ("mean: 0.505", "0.5050 s", True),
    ],
)
def test_a_latency_is_of_all_requests(tmp_path: Path, bounds: str, seen: str, holds: bool) -> None:
    name, _, bound = bounds.partition(": ")
    (verdict,) = judged(tmp_path, f"{{to: web, latency: {{{name}: '{bound}'}}}}", TIMES)
    assert (verdict.seen, verdict.holds) == (seen, holds)


def test_the_smallest_quantile_is_the_first_value() -> None:
    assert quantile([3.0], "p50") == 3.0


def test_the_peak_of_several_is_that_of_the_busiest(tmp_path: Path) -> None:
    observed = Observed((), peaks={"web-v1": 3, "web-v2": 5, "api": 9})
    verdicts = judged(tmp_path, "{to: web, peak: {web: '<= 4', web/v1: 3}}", observed)
    assert [(each.seen, each.holds) for each in verdicts] == [("5", False), ("3", True)]


COUNTED = Observed(
    (),
    stats={
        "web-v1": {"http.inbound-web-v1.rbac.denied": 2, "server.live": 1},
        "web-v2": {"http.inbound-web-v2.rbac.denied": 3, "server.live": 1},
        "ingress": {"cluster.web.upstream_rq_total": 7},
    },
)


@pytest.mark.parametrize(
    ("stats", "seen", "holds"),
    [
        ("web: {http.*.rbac.denied: 5}", "5", True),
        ("web/v2: {http.*.denied: 3}", "3", True),
        ("client: {cluster.web.upstream_rq_total: '> 7'}", "7", False),
        (
            "ingress: {cluster.web.upstream_rq_totals: 7}",
            "there is no such counter or gauge; did you mean 'cluster.web.upstream_rq_total'?",
            False,
        ),
    ],
)
def test_a_counter_is_that_of_all_envoys_of_a_name(
    tmp_path: Path, stats: str, seen: str, holds: bool
) -> None:
    (verdict,) = judged(tmp_path, f"{{to: web, stats: {{{stats}}}}}", COUNTED)
    assert (verdict.seen, verdict.holds) == (seen, holds)


def test_counters_are_told_as_they_grew_and_gauges_as_they_are() -> None:
    before = {"a": Stats({"c": 5}, {"g": 1}), "b": Stats({"c": 5}, {})}
    after = {"a": Stats({"c": 7, "new": 1}, {"g": 4}), "b": Stats({"c": 2}, {})}
    assert grown(before, after) == {"a": {"c": 2, "new": 1, "g": 4}, "b": {"c": 2}}
