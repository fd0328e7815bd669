from __future__ import annotations

from pathlib import Path

import pytest

from debugger.routing.checks.verdict import coverage, judge
from tests.debugger.routing.checks.shop import asked

EDGE = "from: page, to: reviews"


@pytest.mark.parametrize(
    "claim",
    [
        "headers: {end-user: jason}, version: v2",
        "share: {v1: 90, v2: 10}",
        "share: {v1: '> 50', v2: 5%..15%}",
        "path: /old/1, redirect: 'http://reviews/new', status: 301",
        "path: /gone, status: 410",
    ],
)
def test_what_the_patterns_say_holds(tmp_path: Path, claim: str) -> None:
    (check,) = asked(tmp_path, f"{{{EDGE}, {claim}}}")
    assert judge(check).failures == ()


@pytest.mark.parametrize(
    ("claim", "failure"),
    [
        ("version: v2", "expected cluster reviews/v2, got 90 reviews/v1, 10 reviews/v2"),
        (
            "share: {v2: 20%..30%}",
            "expected 20%..30% of 100 for cluster reviews/v2, got 90 reviews/v1, 10 reviews/v2",
        ),
        ("status: 200", "expected status 200, got 90 reviews/v1, 10 reviews/v2"),
        (
            "redirect: http://x/",
            "expected a redirect to http://x/, got 90 reviews/v1, 10 reviews/v2",
        ),
        ("path: /old, version: v1", "expected cluster reviews/v1, got 301 http://reviews/new"),
    ],
)
def test_what_they_do_not_say_fails_in_words(tmp_path: Path, claim: str, failure: str) -> None:
    (check,) = asked(tmp_path, f"{{{EDGE}, {claim}}}")
    assert judge(check).failures == (failure,)


def test_a_route_that_nobody_reached_is_named_with_its_line(tmp_path: Path) -> None:
    verdicts = [judge(each) for each in asked(tmp_path, f"{{{EDGE}, path: /gone, status: 410}}")]
    covered = coverage(verdicts)
    assert (covered.reached, covered.routes) == (1, 4)
    assert [each.wanted for each in covered.missed] == [
        "prefix /, header end-user: 'jason'",
        "path below /old",
        "prefix /",
    ]
    assert covered.missed[0].place == f"{tmp_path}/shop.yaml:14:9"


def test_only_tables_that_were_asked_count(tmp_path: Path) -> None:
    covered = coverage(judge(each) for each in asked(tmp_path, "{to: page, cluster: page}"))
    assert (covered.reached, covered.routes) == (1, 1)
