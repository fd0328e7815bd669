"""The score is its formula."""

from __future__ import annotations

import pytest

from mini_mesh.load.score import CLASSES, MEANINGS, Seen, score

SEEN = Seen(
    requests=1000, failed=10, masked=90, shed=0, late=0, edges=4, encrypted=2,
    before=1.0, median=1.25, cores=0.5, machine=2,
)  # fmt: skip


def test_it_is_the_mean_of_the_classes_means() -> None:
    told = score(SEEN)
    assert told.mues == pytest.approx(
        {"answered": 0.99, "masked": 0.9, "encrypted": 0.5, "latency": 0.8, "cpu": 0.75}
    )
    value, cost = (0.99 + 0.9 + 0.5) / 3, (0.8 + 0.75) / 2
    assert told.value == pytest.approx(100 * (value + cost) / 2)


def test_a_weight_moves_one_of_them() -> None:
    heavier = score(SEEN, {"cpu": 0.5})
    assert heavier.value - score(SEEN).value == pytest.approx(100 * 0.75 * 0.5 / 2 / 2)


@pytest.mark.parametrize("wrong", [{"speed": 0.1}, {"cpu": 0.6}])
def test_a_weight_has_a_name_and_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted one of answered"):
        score(SEEN, wrong)


def test_of_nothing_it_is_nothing() -> None:
    assert score(Seen(0, 0)).value == 0.0


def test_each_mue_says_what_it_is() -> None:
    assert [name for names in CLASSES.values() for name in names] == list(MEANINGS)
