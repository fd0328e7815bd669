from __future__ import annotations

from typing import Any

import pytest

from tests.debugger.routing.made import answers, decide, request, table
from xds_server.mirror import any_of, class_of
from xds_server.protos import core, matcher, route

TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


def template(text: str) -> core.TypedExtensionConfig:
    made: Any = class_of(TEMPLATE)
    return core.TypedExtensionConfig(name="t", typed_config=any_of(made(path_template=text)))


def regex(text: str) -> matcher.RegexMatcher:
    return matcher.RegexMatcher(regex=text)


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        ({"prefix": "/a"}, ["/a", "/ab", "/a?b"], ["/A", "/"]),
        ({"prefix": "/a?b"}, [], ["/a?b"]),
        ({"prefix": "/Ab", "case_sensitive": False}, ["/aB"], ["/a"]),
        ({"path": "/a"}, ["/a", "/a?b"], ["/a/", "/ab", "/a;x"]),
        ({"path_separated_prefix": "/a"}, ["/a", "/a/", "/a/b", "/a?b"], ["/ab", "/a;b"]),
        ({"safe_regex": regex("/a.*")}, ["/a", "/ab?c"], ["/b/a"]),
        ({"path_match_policy": template("/{x}/b")}, ["/a/b", "/a;v/b?c"], ["/b", "/a/c/b"]),
        ({"path_match_policy": template("/a/{x=**}")}, ["/a/", "/a/b/c"], ["/a", "/b"]),
        ({"connect_matcher": route.RouteMatchConnectMatcher()}, [], ["/a"]),
    ],
)
def test_paths_match_without_their_query(
    match: dict[str, Any], yes: list[str], no: list[str]
) -> None:
    routes = table(answers(**match))
    assert [path for path in yes + no if decide(routes, request(path)).taken] == yes


def test_only_a_connect_matches_without_a_path() -> None:
    routes = table(answers(), answers(connect_matcher=route.RouteMatchConnectMatcher()))
    taken = decide(routes, request(method="CONNECT")).taken
    assert taken is not None
    assert taken.index == 1


def test_parameters_of_segments_count_unless_the_table_says_otherwise() -> None:
    counted = table(answers(path="/a/b"))
    assert decide(counted, request("/a;x/b")).taken is None
    left_out = table(answers(path="/a/b"), ignore_path_parameters_in_path_matching=True)
    assert decide(left_out, request("/a;x/b;y")).taken is not None


def test_another_policy_is_undecided() -> None:
    policy = core.TypedExtensionConfig(name="mine")
    decision = decide(table(answers(path_match_policy=policy)), request())
    assert decision.undecided == ("path policy mine: mine is not read here",)


def test_a_condition_names_its_field() -> None:
    (look,) = decide(table(answers(path="/a")), request("/b")).looked
    assert look.conditions[0].path == "virtual_hosts[0].routes[0].match.path"
    assert look.conditions[0].why == "the path is '/b'"
