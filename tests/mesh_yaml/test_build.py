"""What a model refuses is a problem at the line and column that a person wrote."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, StringConstraints

from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import Spec, Text
from mesh_yaml.values import Duration


class Step(Spec):
    after: Duration
    say: Literal["yes", "no"] = "yes"


class Case(Spec):
    name: str
    count: int = Field(1, le=9)
    strict: bool = True
    steps: list[Step] = Field([], min_length=1)
    fields: dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], Text] = {}


def made(text: str) -> Case:
    return build(Case, yaml.parse(text, "t.yaml")[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "1:1: expected a mapping, got a list"),
        ("count: 1", "1:1: 'name' is missing"),
        ("name: 5", "1:7: name: expected text, got 5"),
        ("{name: a, cuont: 2}", "1:11: unknown key 'cuont'; did you mean 'count'?"),
        ("{name: a, steps: [{afte: 1s}]}", "1:20: unknown key 'afte'; did you mean 'after'?"),
        ("{name: a, zzz: 2}", "1:11: unknown key 'zzz'"),
        ("{name: a, count: x}", "1:18: count: expected a whole number, got 'x'"),
        ("{name: a, count: 10}", "1:18: count: input should be less than or equal to 9, got 10"),
        ("{name: a, strict: maybe}", "1:19: strict: expected true or false, got 'maybe'"),
        ("{name: a, steps: {}}", "1:18: steps: expected a list, got a mapping"),
        ("{name: a, steps: []}", "1:18: steps: expected at least one entry, got a list"),
        (
            "{name: a, steps: [{after: 3}]}",
            "1:27: after: expected a duration such as 250ms, 2s or 1m30s, got 3",
        ),
        (
            "{name: a, steps: [{after: 1s, say: on}]}",
            "1:36: say: input should be 'yes' or 'no', got 'on'",
        ),
        (
            "{name: a, fields: {A: 1}}",
            "1:20: key 'A': string should match pattern '^[a-z]+$'",
        ),
        ("{name: a, fields: {a: []}}", "1:23: a: expected text, got a list"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        made(text)
    assert str(caught.value.problems[-1]) == f"t.yaml:{told}"


def test_all_mistakes_of_a_model_are_told_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        made("count: x\nsteps:\n- after: 1s\n- {after: x, say: no}\n- say: no\n")
    assert [str(problem.place) for problem in caught.value.problems] == [
        *("t.yaml:1:1", "t.yaml:1:8", "t.yaml:4:11", "t.yaml:5:3")
    ]


def test_a_model_knows_where_it_was_written() -> None:
    case = made("name: a\nsteps:\n- after: 1s\n")
    assert str(case.place()) == "t.yaml:1:1"
    assert str(case.place("steps", 0, "after")) == "t.yaml:3:10"
    assert str(case.key_place("steps")) == "t.yaml:2:1"


def test_a_model_that_was_written_nowhere_is_closed_and_frozen_too() -> None:
    case = Case(name="a")
    assert str(case.place()) == ":1:1"
    with pytest.raises(ValueError, match="frozen"):
        case.name = "b"  # type: ignore[misc] # wrong on purpose
