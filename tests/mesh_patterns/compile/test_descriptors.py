"""Keys and matches as Envoy's actions; what those do is in ``kinds/test_rate_limit.py``."""

from __future__ import annotations

import re

import pytest

from mesh_patterns.compile.descriptors import actions, of_match
from mesh_patterns.draft import Match
from mesh_patterns.limits import Key
from mesh_yaml.matching import StringMatch


@pytest.mark.parametrize(
    ("path", "same", "other"),
    [
        (StringMatch("exact", "/a.b"), ["/a.b", "/a.b?x=1"], ["/a.b/", "/axb"]),
        (StringMatch("prefix", "/a"), ["/a", "/ab", "/a/b?x"], ["/b"]),
        (StringMatch("separated_prefix", "/a"), ["/a", "/a/", "/a?x", "/a/b"], ["/ab"]),
        (StringMatch("suffix", ".js"), ["/x.js", "/x.js?v=1"], ["/x.jsx", "/x?f=.js"]),
        (StringMatch("contains", "img"), ["/img", "/a/img/b?x"], ["/a?img"]),
        (StringMatch("regex", "/v[12]"), ["/v1", "/v2?x"], ["/v3"]),
    ],
)
def test_a_path_is_matched_without_its_query(
    path: StringMatch, same: list[str], other: list[str]
) -> None:
    (made,) = of_match(Match(path=path))
    expression = made.string_match.safe_regex.regex  # type: ignore[union-attr]
    assert made.name == ":path"
    assert all(re.fullmatch(expression, text) for text in same)
    assert not any(re.fullmatch(expression, text) for text in other)


def test_each_kind_of_key_is_an_action() -> None:
    kinds = ("remote_address", "generic", "query", "header", "path", "method")
    made = actions(Key(kind, "name") for kind in kinds)
    set_ = ["remote_address", "generic_key", "query_parameters", *["request_headers"] * 3]
    assert [getattr(each, name) is not None for each, name in zip(made, set_, strict=True)]
    names = [each.request_headers.header_name for each in made[3:] if each.request_headers]
    assert names == ["name", ":path", ":method"]
