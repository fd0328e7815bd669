from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft, Rule

Rules = Callable[..., list[Rule]]
Told = Callable[[Draft], list[str]]


def split(rule: Rule) -> dict[str, int]:
    return {str(weighted.target): weighted.weight for weighted in rule.split}


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("{destination: {host: reviews}}", {"reviews": 100}),
        ("{destination: {host: reviews.default.svc.cluster.local}}", {"reviews": 100}),
        ("{destination: {host: reviews, subset: one}}", {"reviews/v1": 100}),
        ("{destination: {host: reviews, subset: one}, weight: 0}", {"reviews/v1": 100}),
        (
            "{destination: {host: reviews, subset: one}, weight: 90},"
            "{destination: {host: ratings}, weight: 10}",
            {"reviews/v1": 90, "ratings": 10},
        ),
        (
            "{destination: {host: reviews, subset: production}}",
            {"reviews/v1": 100, "reviews/v2": 100},
        ),
        (
            "{destination: {host: reviews, subset: production}, weight: 50},"
            "{destination: {host: reviews, subset: two}, weight: 50}",
            {"reviews/v1": 50, "reviews/v2": 150},
        ),
    ],
)
def test_destinations_become_weights(rules: Rules, routes: str, expected: dict[str, int]) -> None:
    assert [split(rule) for rule in rules(f"- route: [{routes}]")] == [expected]


def test_a_weight_knows_its_line(rules: Rules) -> None:
    found = rules("""
        - route:
          - destination: {host: reviews, subset: one}
            weight: 90
          - destination: {host: reviews, subset: two}
            weight: 10
    """)
    assert [str(weighted.place) for weighted in found[0].split] == ["3.yaml:9:15", "3.yaml:11:15"]


def test_a_subset_that_no_workload_is_in_is_an_echo_with_a_warning(
    routed: Callable[..., Draft], told: Told
) -> None:
    draft = routed("- route: [{destination: {host: reviews, subset: gone}}]")
    assert [version.name for version in draft.mesh.services["reviews"].versions][-1] == "v9"
    assert split(draft.edges["client", "reviews"].rules[0]) == {"reviews/v9": 100}
    assert (
        "3.yaml:7:51: no workload is in subset 'gone' of 'reviews' (at 2.yaml:10:12): "
        "the echo stands in as version 'v9'" in told(draft)
    )


def test_a_subset_without_a_rule_is_the_version_of_its_name(
    imported: Callable[..., Draft], texts: dict[str, str], vs: Callable[..., str], told: Told
) -> None:
    draft = imported(
        texts["services"],
        vs("- route: [{destination: {host: reviews, subset: v2}}]", name="a"),
        vs("- route: [{destination: {host: ratings, subset: v7}}]", "[ratings]", name="b"),
    )
    assert split(draft.edges["client", "reviews"].rules[0]) == {"reviews/v2": 100}
    assert split(draft.edges["client", "ratings"].rules[0]) == {"ratings/v7": 100}
    lines = told(draft)
    assert (
        "2.yaml:7:51: no DestinationRule has the subset 'v2' of 'reviews': "
        "taken for its version 'v2' (VirtualService 'a')" in lines
    )
    assert (
        "3.yaml:7:51: no DestinationRule has the subset 'v7' of 'ratings': "
        "the echo stands in as version 'v7' (VirtualService 'b')" in lines
    )


def test_services_that_no_file_has_are_made_up_with_their_subsets(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    draft = imported(
        vs("""
            - route:
              - {destination: {host: reviews, subset: v1}, weight: 1}
              - {destination: {host: reviews, subset: v2}, weight: 1}
        """)
    )
    assert [version.name for version in draft.mesh.services["reviews"].versions] == ["v1", "v2"]
    assert (
        "1.yaml:8:28: no file has the service 'reviews': the echo stands in, as 'v1', 'v2'"
        in told(draft)
    )


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("{destination: {subset: v1}}", "1.yaml:7:27: a destination has no 'host'"),
        ("{weight: 3}", "1.yaml:7:13: a route has no 'destination'"),
        (
            "{destination: {host: reviews}, weight: many}, {destination: {host: a}}",
            "1.yaml:7:52: a weight is a whole number, got 'many'",
        ),
        (
            "{destination: {host: reviews}, weight: 0}, {destination: {host: a}, weight: 0}",
            "1.yaml:7:12: weights add up to 0, expected more than 0",
        ),
    ],
)
def test_a_wrong_destination_is_an_error_with_its_place(
    refusal: Callable[..., str], vs: Callable[..., str], routes: str, message: str
) -> None:
    assert refusal(vs(f"- route: [{routes}]")) == message
