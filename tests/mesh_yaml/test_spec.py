from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec, Text


class Model(Spec):
    text: Text = ""
    some: SomeText = "x"
    names: OneOrMore[str] = []
    flag: Annotated[bool, AlsoWritten.of("null")] = True


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (5, "5"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_numbers_and_flags_are_text_where_text_is_wanted(value: object, text: str) -> None:
    assert Model.model_validate({"text": value, "some": value}).text == text


@pytest.mark.parametrize("wrong", [{"text": []}, {"text": None}, {"some": ""}, {"other": 1}])
def test_what_is_no_text_and_what_is_not_known_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Model.model_validate(wrong)


def test_a_list_of_one_may_be_that_one() -> None:
    assert [Model.model_validate({"names": names}).names for names in ("a", ["a"])] == [["a"]] * 2


def test_the_schema_knows_the_short_forms() -> None:
    shapes = Model.model_json_schema()["properties"]
    assert {"type": "number"} in shapes["text"]["anyOf"]
    assert {"type": "null"} in shapes["flag"]["anyOf"]
    assert {"type": "string"} in shapes["names"]["anyOf"]
