from __future__ import annotations

import pytest

from debugger.routing.decision import Redirect
from debugger.routing.redirects import replaced
from tap.redact.linear import regex
from tests.debugger.routing.made import decide, request, table
from xds_server.protos import matcher, route


def sent(path: str, host: str = "h", prefix: str = "/", **told: object) -> Redirect:
    match = route.RouteMatch(prefix=prefix)
    routes = table(route.Route(match=match, redirect=route.RedirectAction(**told)))
    action = decide(routes, request(path, host)).action
    assert isinstance(action, Redirect)
    return action


@pytest.mark.parametrize(
    ("told", "host", "where"),
    [
        ({"https_redirect": True}, "h:80", "https://h/a?b"),
        ({"https_redirect": True}, "h:443", "https://h:443/a?b"),
        ({"scheme_redirect": "http"}, "h:80", "http://h:80/a?b"),
        ({"host_redirect": "x"}, "h:80", "http://x/a?b"),
        ({"port_redirect": 81}, "h:80", "http://h:81/a?b"),
        ({"path_redirect": "/p"}, "h", "http://h/p?b"),
        ({"path_redirect": "p?q", "strip_query": True}, "h", "http://h/p?q"),
        ({"path_redirect": "/p", "strip_query": True}, "h", "http://h/p"),
        ({"prefix_rewrite": "/n/"}, "[::1]:9", "http://[::1]:9/n/a?b"),
    ],
)
def test_a_location_is_put_together_as_envoy_does(
    told: dict[str, object], host: str, where: str
) -> None:
    assert sent("/a?b", host, **told).location == where


def test_an_expression_leaves_the_query_alone() -> None:
    again = matcher.RegexMatchAndSubstitute(
        pattern=matcher.RegexMatcher(regex="^/(a)"), substitution=r"/\1\1"
    )
    assert sent("/a?/a", regex_rewrite=again).location == "http://h/aa?/a"


def test_a_format_is_not_read() -> None:
    told = sent("/a", path_rewrite="%REQ(x)%")
    assert told.location is None
    assert told.why == "path_rewrite is a format, which is not read here"


def test_nothing_matches_right_after_another_match() -> None:
    """RE2's GlobalReplace skips an empty match there."""
    assert replaced(regex("b*"), r"<\0>", "a.b/") == "<>a<>.<b>/<>"


def test_a_connect_is_redirected_nowhere_unless_its_path_is_made() -> None:
    match = route.RouteMatch(connect_matcher=route.RouteMatchConnectMatcher())
    found = []
    for told in ({"https_redirect": True}, {"path_redirect": "/p"}, {"prefix_rewrite": "/n"}):
        redirect = route.Route(match=match, redirect=route.RedirectAction(**told))
        action = decide(table(redirect), request(method="CONNECT", host="h:80")).action
        assert isinstance(action, Redirect)
        found.append(action.location)
    assert found == [None, None, "http://h:80/n"]
