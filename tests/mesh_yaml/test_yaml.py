from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_yaml import yaml
from mesh_yaml.place import DocumentError, Place


def plain(text: str) -> Any:
    return yaml.parse(text, "m.yaml")[0].plain()


def refused(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        yaml.parse(text, "m.yaml")
    return str(caught.value)


def test_every_value_and_every_key_knows_its_place() -> None:
    tree = yaml.parse("a: 1\nb:\n  - x\n  - {c: d}\n", "m.yaml")[0]
    assert str(tree.find("a").place) == "m.yaml:1:4"
    assert str(tree.find("b").key) == "m.yaml:2:1"
    assert str(tree.find("b", 1, "c").place) == "m.yaml:4:9"
    assert str(tree.find("b", 1, "c").key) == "m.yaml:4:6"
    assert tree.find("b", 0).key is None


def test_scalars_are_what_yaml_1_2_says() -> None:
    text = "[1, 0o17, 1.5, .inf, true, yes, null, ~, '1', 2001-01-01, 1h, 08, !!str 5]"
    assert plain(text) == [
        *(1, 15, 1.5, float("inf"), True, "yes", None, None, "1"),
        *("2001-01-01", "1h", 8, "5"),
    ]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert plain("{200: a, true: b, null: c, 1.5: d}") == {
        "200": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
    }
    assert refused("? [a]\n: b") == "m.yaml:1:3: a key must be text, not a list or a mapping"


def test_a_file_holds_several_documents_and_empty_ones_are_none() -> None:
    documents = yaml.parse("a: 1\n---\nb: 2\n...\n", "m")
    assert [node.plain() for node in documents] == [{"a": 1}, {"b": 2}]
    assert yaml.parse("", "m") == yaml.parse("# nothing\n", "m") == []


def test_a_key_that_comes_twice_is_an_error_that_names_both() -> None:
    assert refused("a: 1\nb: 2\na: 3") == "m.yaml:3:1: key 'a' comes twice, first at m.yaml:1:1"
    assert refused("1: a\n'1': b") == "m.yaml:2:1: key '1' comes twice, first at m.yaml:1:1"


def test_an_anchors_values_stay_where_they_were_written() -> None:
    tree = yaml.parse("a: &x {b: 1}\nc: *x\n", "m.yaml")[0]
    assert tree.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    assert tree.find("c", "b").place == Place("m.yaml", 1, 11)


def test_a_merge_key_gives_way_to_the_mappings_own() -> None:
    assert plain("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}") == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 3},
    }


def test_of_several_merged_mappings_the_first_wins() -> None:
    text = "[&x {a: 1}, &y {a: 2, b: 2}, {<<: [*x, *y]}]"
    assert plain(text)[2] == {"a": 1, "b": 2}


def test_only_mappings_can_be_merged() -> None:
    assert refused("{<<: 5}") == "m.yaml:1:6: expected a mapping, got 5"


def test_nine_lines_that_stand_for_a_billion_values_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml, "MAX_NODES", 5000)  # as it is, a second passes until it is reached
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert refused("\n".join(lines)).endswith("stands for more than 5000 values")


def test_what_is_nested_too_deep_is_refused() -> None:
    assert plain("[" * 100 + "]" * 100)
    assert refused("[" * 102 + "]" * 102) == "m.yaml:1:102: is nested deeper than 100 levels"
    assert refused("[" * 10_000).startswith("m.yaml:1:1: is not YAML: ")
    assert refused("&a [*a]").endswith("is nested deeper than 100 levels")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {", "m.yaml:1:5: is not YAML: expected the node content, but found '<stream end>'"),
        ("a: *b", "m.yaml:1:4: is not YAML: found undefined alias 'b'"),
        ("a: b: c", "m.yaml:1:5: is not YAML: mapping values are not allowed here"),
        ("\tb: 1", "m.yaml:1:1: is not YAML: found character '\\t' that cannot start any token"),
        ("a: !x b", "m.yaml:1:4: is not YAML: could not determine a constructor for the tag '!x'"),
        ("a: !x {}", "m.yaml:1:4: is not YAML: unknown tag '!x'"),
        ("!!python/object:os.system [ls]", "m.yaml:1:1: is not YAML: unknown tag "),
        ("a: !!int x", "m.yaml:1:1: is not YAML: invalid literal for int()"),
        ("a: \0", "m.yaml:1:1: is not YAML: "),
    ],
)
def test_what_is_no_yaml_is_refused_where_it_stops_being_it(text: str, told: str) -> None:
    assert refused(text).startswith(told)


@given(st.text() | st.text("[]{}&*:- \n!<>'\"ab1#|,?~"))
def test_any_text_is_documents_or_a_pattern_error(text: str) -> None:
    try:
        yaml.parse(text, "m.yaml")
    except DocumentError as error:
        assert error.problems[0].place.file == "m.yaml"  # noqa: PT017 # it may also be read


def test_a_file_is_called_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("ä: ö", encoding="utf-8")
    tree = yaml.read(path, "short.yaml")[0]
    assert (tree.plain(), str(tree.place)) == ({"ä": "ö"}, "short.yaml:1:1")
    assert str(yaml.read(path)[0].place) == f"{path}:1:1"


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    latin, big = tmp_path / "latin.yaml", tmp_path / "big.yaml"
    latin.write_bytes(b"a: \xe4")
    big.touch()
    with big.open("r+b") as file:
        file.truncate(yaml.MAX_BYTES + 1)  # a hole: nothing is written
    told = {}
    for path in (tmp_path / "none.yaml", tmp_path, latin, big):
        with pytest.raises(DocumentError) as caught:
            yaml.read(path, path.name)
        told[path.name] = str(caught.value)
    assert list(told.values()) == [
        "none.yaml:1:1: can't be read: no such file or directory",
        f"{tmp_path.name}:1:1: can't be read: is a directory",
        "latin.yaml:1:1: is not UTF-8 text: unexpected end of data",
        "big.yaml:1:1: has 16777217 bytes, at most 16777216 are read",
    ]


def test_dump_keeps_the_keys_order_and_reads_back() -> None:
    value = {"b": [1, {"a": None}], "a": "true", "c": "", "d": True}
    assert yaml.dump(value) == "b:\n- 1\n- a: null\na: 'true'\nc: ''\nd: true\n"
    assert plain(yaml.dump(value)) == value


def test_dump_breaks_no_line_however_long_a_value_is() -> None:
    value = {"@type": "type.googleapis.com/" + "x" * 200, "text": "word " * 40 + "end: #"}
    assert yaml.dump(value) == f"'@type': {value['@type']}\ntext: '{value['text']}'\n"


def test_in_blocks_text_that_others_take_for_truth_or_a_number_is_quoted() -> None:
    value = {"on": ["yes", "N", "0X1f", "one", "010", True]}
    text = yaml.dump(value, blocks=True)
    assert text == """on:\n- "yes"\n- "N"\n- "0X1f"\n- one\n- '010'\n- true\n"""
    assert plain(text) == value
