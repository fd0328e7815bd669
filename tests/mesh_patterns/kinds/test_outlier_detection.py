from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.policy import FailurePercentage, OutlierDetection, SuccessRate
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh: {services: {web: {versions: {v1: , v2: , v3: }}, one: }}
patterns:
"""


def meaning(draft: Draft, service: str = "web") -> OutlierDetection:
    found = draft.edges["client", service].settings["outlier_detection"].value
    assert isinstance(found, OutlierDetection)
    return found


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", OutlierDetection(consecutive_5xx=5)),
        ("interval: 1s", OutlierDetection(consecutive_5xx=5, interval=timedelta(seconds=1))),
        ("consecutive_5xx: 3", OutlierDetection(consecutive_5xx=3)),
        ("consecutive_gateway_failure: 2", OutlierDetection(consecutive_gateway_failure=2)),
        ("success_rate: true", OutlierDetection(success_rate=SuccessRate())),
        ("success_rate: false", OutlierDetection(consecutive_5xx=5)),
        (
            "success_rate: {stdev_factor: 1.5, minimum_hosts: 3, request_volume: 9, enforcing: 50}",
            OutlierDetection(success_rate=SuccessRate(1.5, 3, 9, 50)),
        ),
        ("failure_percentage: 40%", OutlierDetection(failure_percentage=FailurePercentage(40))),
        (
            "failure_percentage: {threshold: 40, minimum_hosts: 2, request_volume: 9}",
            OutlierDetection(failure_percentage=FailurePercentage(40, 2, 9)),
        ),
        (
            "base_ejection_time: 1s, max_ejection_time: 2s, max_ejection_percent: 50%",
            OutlierDetection(
                consecutive_5xx=5,
                base_ejection_time=timedelta(seconds=1),
                max_ejection_time=timedelta(seconds=2),
                max_ejection_percent=50,
            ),
        ),
    ],
)
def test_a_detector_is_on_when_it_is_named(
    read: Read, keys: str, expected: OutlierDetection
) -> None:
    assert meaning(read(f"{MESH}- {{pattern: outlier_detection, on: web, {keys}}}")) == expected


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ("- {pattern: outlier_detection, on: web}", []),
        ("- {pattern: outlier_detection, on: web, max_ejection_percent: 34}", []),
        (
            "- {pattern: outlier_detection, on: web, success_rate: true, failure_percentage: 40}",
            [
                "'web' has fewer hosts than 5: nobody is judged; give it a lower 'minimum_hosts'",
                "'web' has fewer hosts than 5: nobody is judged; give it a lower 'minimum_hosts'",
            ],
        ),
        (
            "- {pattern: outlier_detection, on: web, success_rate: {minimum_hosts: 3}}",
            [
                "of the hosts of 'web' not even one that always fails is 1.9 standard deviations "
                "below the mean; lower 'stdev_factor'"
            ],
        ),
        (
            "- pattern: outlier_detection\n"
            "  on: web\n"
            "  success_rate: {minimum_hosts: 3, stdev_factor: 1.4}\n"
            "  failure_percentage: {minimum_hosts: 3}",
            [],
        ),
        (
            "- {pattern: outlier_detection, on: '*', max_ejection_percent: 33}",
            ["33% of the hosts of 'web', 'one' is less than one: none is ever taken out"],
        ),
        (
            "- {pattern: outlier_detection, on: one}",
            [
                "requests to 'one' have one host to go to; Envoy uses it also when it is out, "
                "unless 'load_balancing' has 'panic_threshold: 0'"
            ],
        ),
        (
            "- {pattern: outlier_detection, on: one}\n"
            "- {pattern: load_balancing, on: one, panic_threshold: 0}",
            [],
        ),
        (
            "- {pattern: outlier_detection, on: web}\n"
            "- {pattern: canary, on: web, weights: {v1: 90, v2: 10}}",
            [
                "requests to 'web' have one host to go to; Envoy uses it also when it is out, "
                "unless 'load_balancing' has 'panic_threshold: 0'"
            ],
        ),
    ],
)
def test_what_would_never_happen_is_told(read: Read, patterns: str, told: list[str]) -> None:
    warnings = read(MESH + patterns).warnings
    assert [problem.message for problem in warnings] == told
    assert all(problem.warning for problem in warnings)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("consecutive_5xx: 0", "consecutive_5xx: input should be greater than or equal to 1"),
        ("interval: 0s", "interval: expected at least 1ms, got 0s"),
        ("base_ejection_time: 0s", "base_ejection_time: expected at least 1ms, got 0s"),
        ("max_ejection_percent: 33.3", "max_ejection_percent: expected a whole percentage, got 33"),
        ("max_ejection_percent: 101", "max_ejection_percent: a percentage lies between 0 and 100"),
        ("max_ejection_time: 29s", "max_ejection_time must not be less than base_ejection_time"),
        ("success_rate: often", "success_rate: expected a mapping, got 'often'"),
        ("failure_percentage: often", "expected a percentage such as 10 or 10%"),
        ("consecutive_5x: 3", "unknown key 'consecutive_5x'; did you mean 'consecutive_5xx'?"),
    ],
)
def test_what_no_detection_can_be_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: outlier_detection, on: web, {keys}}}")
