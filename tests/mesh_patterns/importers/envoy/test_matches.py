from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_routes


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"prefix": "/"}, None),
        ({"prefix": "/a"}, {"path": {"prefix": "/a"}}),
        ({"path": "/a"}, {"path": {"exact": "/a"}}),
        ({"path_separated_prefix": "/a"}, {"path": {"separated_prefix": "/a"}}),
        ({"pathSeparatedPrefix": "/a"}, {"path": {"separated_prefix": "/a"}}),
        ({"safe_regex": {"google_re2": {}, "regex": "/a+"}}, {"path": {"regex": "/a+"}}),
        (
            {"path": "/a", "case_sensitive": False},
            {"path": {"exact": "/a"}, "ignore_case": True},
        ),
        (
            {"prefix": "/", "headers": [{"name": "X-A", "exact_match": "1"}]},
            {"headers": {"x-a": {"exact": "1"}}},
        ),
        (
            {"prefix": "/", "headers": [{"name": "x", "present_match": False}]},
            {"headers": {"x": {"present": False}}},
        ),
        ({"prefix": "/", "headers": [{"name": "x"}]}, {"headers": {"x": {"present": True}}}),
        (
            {
                "prefix": "/",
                "headers": [
                    {"name": "x", "string_match": {"suffix": "y"}, "invert_match": True},
                    {"name": ":method", "string_match": {"exact": "PUT"}},
                    {"name": ":authority", "string_match": {"prefix": "a."}},
                ],
            },
            {
                "headers": {"x": {"suffix": "y", "invert": True}},
                "method": {"exact": "PUT"},
                "host": {"prefix": "a."},
            },
        ),
        (
            {"prefix": "/", "query_parameters": [{"name": "q", "present_match": True}]},
            {"query": {"q": {"present": True}}},
        ),
        (
            {"prefix": "/", "grpc": {}},
            {"headers": {"content-type": {"prefix": "application/grpc"}}},
        ),
        (
            {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 25}}},
            {"percent": 25.0},
        ),
        (
            {
                "prefix": "/",
                "headers": [{"name": "x", "string_match": {"safe_regex": {"regex": "a|b"}}}],
            },
            {"headers": {"x": {"regex": "a|b"}}},
        ),
    ],
)
def test_a_match_is_ours(theirs: dict[str, Any], ours: dict[str, Any] | None) -> None:
    (rule,) = of_routes({"match": theirs, "route": {"cluster": "backend"}}).rules
    assert rule.get("match") == ours


@pytest.mark.parametrize(
    ("theirs", "what"),
    [
        ({"connect_matcher": {}}, "match.connect_matcher"),
        ({"prefix": "/", "dynamic_metadata": [{}]}, "match.dynamic_metadata"),
        (
            {"prefix": "/", "headers": [{"name": "x", "range_match": {"start": 1, "end": 2}}]},
            "headers.range_match",
        ),
        (
            {"prefix": "/", "headers": [{"name": "x"}, {"name": "x", "exact_match": "1"}]},
            "two matches of header 'x'",
        ),
        (
            {"prefix": "/", "headers": [{"name": ":path", "exact_match": "/"}]},
            "a match of header ':path'",
        ),
        ({"path": "/a?b"}, "a match of the path '/a?b'"),
        (
            {
                "prefix": "/",
                "headers": [{"name": "x", "string_match": {"exact": "a", "ignore_case": True}}],
            },
            "string_match with ignore_case, or of another kind",
        ),
    ],
)
def test_a_route_about_less_than_we_can_say_is_left_out(theirs: dict[str, Any], what: str) -> None:
    """As one about more it would take requests that are others'."""
    found = of_routes({"match": theirs, "route": {"cluster": "backend"}})
    assert found.rules == [{"respond": {"status": 404}}]
    assert f"route 1 of virtual host 'all' is left out: {what}" in found.notes
