"""Configurations that are wrong are refused at their line."""

from __future__ import annotations

import pytest

from mesh_patterns.rate_limits.spec import MAX_DEPTH
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.rate_limits.configs import MAIL, SHADOW, read


def test_a_rule_knows_its_path_and_its_shadow() -> None:
    (domain,) = read(SHADOW)
    ann = domain.rules[0].rules[0].limit
    assert ann is not None
    assert (ann.path, ann.shadow, ann.unit) == ("soft.service.user_ann", True, "hour")


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        (["{value: x}"], 3, "key"),
        (["{key: a, rate_limit: {requests_per_unit: 1}}"], 3, "expected a unit"),
        (["{key: a, rate_limit: {unit: blink}}"], 3, "unit"),
        (
            ["{key: a, rate_limit: {unlimited: true, unit: day}}"],
            3,
            "an unlimited rate has no unit",
        ),
        (["{key: a}", "{key: a}"], 4, "'a' is here and at limits.yaml:3"),
        (["{key: a, value: 1}", "{key: a, value: 1}"], 4, "'a' with '1' is here and at"),
        (
            ["{key: a, rate_limit: {unit: day, name: n, replaces: [{name: n}]}}"],
            3,
            "'n' can't replace itself",
        ),
        (["{key: a, rate_limits: 3}"], 3, "rate_limits"),
        (["{key: a, rate_limit: {unit: day, requests_per_unit: -1}}"], 3, "requests_per_unit"),
    ],
)
def test_what_envoyproxy_s_own_refuses_is_refused(rows: list[str], line: int, says: str) -> None:
    listed = "\n".join(f"- {row}" for row in rows)
    with pytest.raises(DocumentError) as refused:
        read(f"domain: d\ndescriptors:\n{listed}")
    first = refused.value.problems[0]
    assert first.place.line == line
    assert says in first.message


def test_units_may_be_written_in_any_case() -> None:
    read(MAIL.replace("unit: day", "unit: DAY"))


def test_a_domain_is_configured_once() -> None:
    with pytest.raises(DocumentError, match="domain 'mail' is here and at limits.yaml:2:9"):
        read(MAIL, MAIL)


def test_descriptors_end_somewhere() -> None:
    text = "domain: d\ndescriptors: " + "[{key: a, descriptors: " * MAX_DEPTH
    text += "[{key: a}]" + "}]" * MAX_DEPTH
    with pytest.raises(DocumentError, match=f"nested at most {MAX_DEPTH} deep"):
        read(text)
