"""How problems are told."""

from __future__ import annotations

import json

import pytest
import typer

from mesh_yaml.place import Place, Problem
from meshloom.arguments import parse_variables
from meshloom.output import as_json, complain, count, emit

ERROR = Problem(Place("a.yaml", 3, 7), "no service 'x'")
WARNING = Problem(Place("a.yaml", 4, 1), "ignored", warning=True)


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        ([], "no problems"),
        ([ERROR], "1 error"),
        ([ERROR, WARNING, ERROR], "2 errors, 1 warning"),
        ([WARNING, WARNING], "2 warnings"),
    ],
)
def test_problems_are_counted_by_sort(problems: list[Problem], said: str) -> None:
    assert count(problems) == said


def test_problems_go_to_standard_error_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    complain([ERROR, WARNING])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "a.yaml:3:7: no service 'x'",
        "a.yaml:4:1: warning: ignored",
        "1 error, 1 warning",
    ]


def test_other_programs_get_places_as_numbers() -> None:
    where = {"file": "a.yaml", "line": 4, "column": 1}
    assert as_json([WARNING]) == [{**where, "severity": "warning", "message": "ignored"}]


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit("ready", name="two\nlines", place=Place("a"))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"event": "ready", "name": "two\nlines", "place": "a:1:1"}


def test_variables_are_name_and_value() -> None:
    assert parse_variables(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    assert parse_variables(None) == {}
    with pytest.raises(typer.BadParameter, match="expected name=value, got '=1'"):
        parse_variables(["=1"])
