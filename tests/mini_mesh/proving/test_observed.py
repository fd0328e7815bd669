"""What was seen."""

from __future__ import annotations

from mini_mesh.proving.observed import Observed, Sample


def test_answers_are_counted_by_status_and_no_answer_is_one() -> None:
    samples = [Sample(200, 0.1), Sample(-1, 0.2, error="reset"), Sample(200, 0.1)]
    assert Observed(tuple(samples)).statuses() == {200: 2, -1: 1}
