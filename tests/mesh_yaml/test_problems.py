from __future__ import annotations

import pytest

from mesh_yaml.place import DocumentError, Place
from mesh_yaml.problems import Problems


def refuse(line: int) -> str:
    raise DocumentError.at(Place("m.yaml", line), "wrong")


def test_what_goes_well_is_handed_on() -> None:
    problems = Problems()
    assert problems.guard(str.upper, "a") == "A"
    problems.stop_if_any()


def test_all_that_is_wrong_is_told_once_each_in_the_files_order() -> None:
    problems = Problems()
    assert [problems.guard(refuse, line) for line in (3, 1, 3)] == [None, None, None]
    with pytest.raises(DocumentError) as caught:
        problems.stop_if_any()
    assert str(caught.value) == "m.yaml:1:1: wrong\nm.yaml:3:1: wrong"
