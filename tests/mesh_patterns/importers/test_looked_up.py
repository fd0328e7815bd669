"""What would take a machine too long is refused before it is begun."""

from __future__ import annotations

from collections.abc import Callable

POLICY = "---\nKind: service-router\nName: r{}\n"


def test_too_many_objects_of_a_dialect_are_refused_in_one_line(
    refusal: Callable[..., str],
) -> None:
    found = refusal("".join(POLICY.format(i) for i in range(3200)))
    assert found == "1.yaml:3:7: 3200 objects of consul among 3200: too many to look through"
