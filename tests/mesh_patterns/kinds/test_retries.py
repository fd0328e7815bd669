from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.draft import Retries
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: }}\npatterns:\n"
MS = timedelta(milliseconds=1)


def test_retries_are_two_on_what_another_try_may_heal(read: Read) -> None:
    draft = read(MESH + "- {pattern: retries, on: web}")
    assert draft.edges["client", "web"].settings["retries"].value == Retries(
        2, ("connect-failure", "refused-stream", "unavailable", "cancelled", "503")
    )


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ("attempts: 0, retry_on: 5xx", Retries(0, ("5xx",))),
        ("retry_on: '5xx,reset  418'", Retries(2, ("5xx", "reset", "418"))),
        ("retry_on: []", Retries(2, ())),
        ("retry_on: [5xx], hosts: other", Retries(2, ("5xx",), other_hosts=True)),
        ("retry_on: [5xx], priorities: other", Retries(2, ("5xx",), other_priorities=True)),
        ("retry_on: [5xx], per_try_timeout: 5ms", Retries(2, ("5xx",), 5 * MS)),
        ("retry_on: [5xx], backoff: {base: 5ms}", Retries(2, ("5xx",), None, (5 * MS, 50 * MS))),
        (
            "retry_on: [5xx], backoff: {base: 5ms, max: 5ms}",
            Retries(2, ("5xx",), None, (5 * MS, 5 * MS)),
        ),
    ],
)
def test_retries_are_what_the_file_says(read: Read, options: str, meant: Retries) -> None:
    draft = read(f"{MESH}- {{pattern: retries, on: web, {options}}}")
    assert draft.edges["client", "web"].settings["retries"].value == meant


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("attempts: -1", "3:41: attempts: input should be greater than or equal to 0, got -1"),
        ("attempts: 101", "3:41: attempts: input should be less than or equal to 100, got 101"),
        (
            "retry_on: 6xx",
            "3:41: retry_on: unknown condition '6xx', expected a status or one",
        ),
        ("retry_on: [99]", "3:41: retry_on: unknown condition 99, expected a status or one"),
        ("retry_on: [[5xx]]", "3:41: retry_on: unknown condition ['5xx'], expected a status"),
        ("retry_on: true", "3:41: retry_on: expected a list, got "),
        ("backoff: {base: 0s}", "3:40: backoff: base must be more than 0s"),
        ("backoff: {base: 2s, max: 1s}", "3:40: backoff: max must not be less than base"),
    ],
)
def test_what_no_retries_can_be_is_refused(refusal: Refusal, options: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: retries, on: web, {options}}}").startswith(told)
