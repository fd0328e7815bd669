"""Which nodes a question is about: ``envoy.type.matcher.v3.NodeMatcher``, without I/O.

What can not be judged here is refused as UNIMPLEMENTED rather than taken for a match or for none:
of a node's metadata nothing is kept, and the regular expressions are RE2's, which never take long;
Python's may stop the control plane for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from xds_server.errors import RemoteXdsError
from xds_server.node import NodeInfo

MAX_MATCHERS = 1_000  # of one question

Judge = Callable[[NodeInfo], bool]

_JUDGES: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": str.__contains__,
}


def any_of_them(matchers: Sequence[Any]) -> Judge:
    """Whether one of ``NodeMatcher`` messages is met; without any, each node is meant.

    Raises ``RemoteXdsError`` for one that is not understood (INVALID_ARGUMENT), can not be judged
    (UNIMPLEMENTED), or is one too many (RESOURCE_EXHAUSTED).
    """
    if len(matchers) > MAX_MATCHERS:
        raise RemoteXdsError(
            f"node_matchers: got {len(matchers)}, wanted at most {MAX_MATCHERS}",
            "RESOURCE_EXHAUSTED",
        )
    judges = [_judge(matcher, f"node_matchers[{i}]") for i, matcher in enumerate(matchers)]
    if not judges:
        return everyone
    return lambda node: any(judge(node) for judge in judges)


def everyone(node: NodeInfo) -> bool:
    return True


def _judge(matcher: Any, place: str) -> Judge:
    if matcher.node_metadatas:
        raise RemoteXdsError(f"{place}.node_metadatas: no metadata is kept here", "UNIMPLEMENTED")
    if not matcher.HasField("node_id"):
        return everyone
    return _of_id(matcher.node_id, f"{place}.node_id")


def _of_id(matcher: Any, place: str) -> Judge:
    pattern = matcher.WhichOneof("match_pattern")
    if pattern is None:
        raise RemoteXdsError(f"{place}: got no pattern, wanted {_one_of(_JUDGES)}")
    if pattern not in _JUDGES:
        raise RemoteXdsError(
            f"{place}: got {pattern}, here are only {_one_of(_JUDGES)}", "UNIMPLEMENTED"
        )
    judge, wanted = _JUDGES[pattern], getattr(matcher, pattern)
    if matcher.ignore_case:
        return lambda node: judge(node.id.lower(), wanted.lower())
    return lambda node: judge(node.id, wanted)


def _one_of(words: Collection[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}"
