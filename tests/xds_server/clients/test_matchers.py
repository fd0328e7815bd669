"""Which nodes are meant."""

from __future__ import annotations

from typing import Any

import pytest

from xds_server import mirror
from xds_server.clients.matchers import MAX_MATCHERS, any_of_them
from xds_server.errors import RemoteXdsError
from xds_server.node import NodeInfo
from xds_server.protos import matcher, status


def parsed(*matchers: matcher.NodeMatcher) -> Any:
    data = mirror.serialize(status.ClientStatusRequest(node_matchers=list(matchers)))
    return mirror.parse(status.ClientStatusRequest, data).node_matchers


def by_id(**pattern: Any) -> matcher.NodeMatcher:
    return matcher.NodeMatcher(node_id=matcher.StringMatcher(**pattern))


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        ({"exact": "reviews-v1"}, True),
        ({"exact": "reviews"}, False),
        ({"prefix": "reviews-"}, True),
        ({"prefix": "v1"}, False),
        ({"suffix": "-v1"}, True),
        ({"contains": "views"}, True),
        ({"contains": "VIEWS"}, False),
        ({"contains": "VIEWS", "ignore_case": True}, True),
    ],
)
def test_a_node_is_meant_by_its_id(pattern: dict[str, Any], met: bool) -> None:
    assert any_of_them(parsed(by_id(**pattern)))(NodeInfo("reviews-v1")) is met


def test_one_of_several_matchers_is_enough_and_none_means_all() -> None:
    two = any_of_them(parsed(by_id(exact="a"), by_id(exact="b")))
    assert [two(NodeInfo(each)) for each in "abc"] == [True, True, False]
    assert any_of_them(parsed())(NodeInfo("c"))
    assert any_of_them(parsed(matcher.NodeMatcher()))(NodeInfo("c"))


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        (
            by_id(safe_regex=matcher.RegexMatcher(regex="(a+)+")),
            "UNIMPLEMENTED",
            "node_matchers[0].node_id: got safe_regex, "
            "here are only exact, prefix, suffix and contains",
        ),
        (
            matcher.NodeMatcher(node_metadatas=[matcher.StructMatcher()]),
            "UNIMPLEMENTED",
            "node_matchers[0].node_metadatas: no metadata is kept here",
        ),
        (
            by_id(),
            "INVALID_ARGUMENT",
            "node_matchers[0].node_id: got no pattern, wanted exact, prefix, suffix and contains",
        ),
    ],
)
def test_what_can_not_be_judged_is_no_match_and_no_miss(
    asked: matcher.NodeMatcher, status: str, text: str
) -> None:
    with pytest.raises(RemoteXdsError) as refused:
        any_of_them(parsed(asked))
    assert (refused.value.status, str(refused.value)) == (status, text)


def test_matchers_are_bounded() -> None:
    with pytest.raises(RemoteXdsError, match="got 1001, wanted at most 1000"):
        any_of_them(parsed(*[by_id(exact="a")] * (MAX_MATCHERS + 1)))
