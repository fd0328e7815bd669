from __future__ import annotations

import pytest

from mesh_patterns.importers.hostnames import covers, overlap, specificity, wider


@pytest.mark.parametrize(
    ("host", "hosts", "expected"),
    [
        ("a.com", ["*"], ["a.com"]),
        ("*", ["a.com", "b.com"], ["a.com", "b.com"]),
        ("a.com", ["a.com"], ["a.com"]),
        ("www.a.com", ["*.a.com"], ["www.a.com"]),
        ("*.a.com", ["www.a.com"], ["www.a.com"]),
        ("a.com", ["*.a.com"], []),
        ("a.com", ["b.com"], []),
    ],
)
def test_two_names_have_the_narrower_in_common(
    host: str, hosts: list[str], expected: list[str]
) -> None:
    assert list(overlap(host, hosts)) == expected


def test_a_wildcard_is_for_names_below_and_not_for_the_name_itself() -> None:
    assert covers("*.a.com", "x.y.a.com")
    assert covers("*.a.com", "*.y.a.com")
    assert not covers("*.a.com", "a.com")
    assert not covers("a.com", "*.a.com")


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("a.b.com", ["a.b.com", "*.b.com", "*.com", "*"]),
        ("*.b.com", ["*.b.com", "*.com", "*"]),
        ("com", ["com", "*"]),
        ("*", ["*"]),
    ],
)
def test_names_that_cover_a_name_are_found_without_a_search(name: str, names: list[str]) -> None:
    assert list(wider(name)) == names
    assert all(covers(each, name) for each in names)


def test_the_more_specific_name_has_more_characters_that_are_no_wildcard() -> None:
    names = ["*", "*.com", "*.example.com", "a.com", "a.example.com"]
    assert sorted(names, key=specificity) == names
