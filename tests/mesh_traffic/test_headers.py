"""Claims about headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Headers

HEADERS = Headers.of([("Accept", "a"), ("x-tag", "1"), ("X-Tag", "2"), ("end", "e")])


def test_a_lookup_ignores_case_and_gives_the_first_value() -> None:
    assert HEADERS.get("X-TAG") == "1"
    assert HEADERS.get_all("x-tag") == ["1", "2"]
    assert "ACCEPT" in HEADERS


def test_a_missing_name_gives_the_default() -> None:
    assert HEADERS.get("nope") is None
    assert HEADERS.get("nope", "d") == "d"
    assert "nope" not in HEADERS
    assert 7 not in HEADERS


def test_replacing_leaves_one_field_in_the_first_ones_place() -> None:
    assert HEADERS.replaced("X-tag", "9").fields == (
        ("Accept", "a"),
        ("x-tag", "9"),
        ("end", "e"),
    )


def test_replacing_a_missing_name_adds_it() -> None:
    assert HEADERS.replaced("new", "n").fields[-1] == ("new", "n")


def test_removing_takes_every_field_of_the_name() -> None:
    assert [name for name, _ in HEADERS.removed("X-TAG")] == ["Accept", "end"]


def test_adding_keeps_what_was_there() -> None:
    assert HEADERS.added("x-tag", "3").get_all("x-tag") == ["1", "2", "3"]
    assert len(HEADERS) == 4


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_any_bytes_survive_a_round_trip(pairs: list[tuple[bytes, bytes]]) -> None:
    assert Headers.of_bytes(pairs).to_bytes() == pairs
