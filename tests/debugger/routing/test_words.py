from __future__ import annotations

from debugger.routing import words
from tests.debugger.routing.made import answers, decide, exact, request, sends, table
from xds_server.protos import route

HEADER = route.HeaderMatcher(name="end-user", string_match=exact("jason"))


def test_a_route_that_fails_says_what_it_missed() -> None:
    (look,) = decide(table(answers(headers=[HEADER])), request()).looked
    assert words.looked(look) == ("header end-user: 'jason'", "no: the header is absent")


def test_a_route_that_matches_says_all_that_it_wanted() -> None:
    (look,) = decide(table(answers(headers=[HEADER])), request(end_user="jason")).looked
    assert words.looked(look) == ("prefix /, header end-user: 'jason'", "yes")


def test_an_outcome_is_a_few_words() -> None:
    split = [route.WeightedClusterClusterWeight(name=n, weight=w) for n, w in (("a", 9), ("b", 1))]
    routes = table(sends(weighted_clusters=route.WeightedCluster(clusters=split)))
    (outcome,) = decide(routes, request()).possibilities
    assert words.outcome(outcome) == "9 a, 1 b"
    (missing,) = decide(table(), request()).possibilities
    assert words.outcome(missing) == "404: none of the 0 routes of virtual host 'it' matches"
