"""The cache and its watchers."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import a_cluster, snapshot
from xds_server.cache import Cache, Cancel
from xds_server.groups import NoGroup
from xds_server.node import NodeInfo
from xds_server.snapshot import Snapshot


def test_a_watcher_is_told_of_its_own_group_until_it_cancels() -> None:
    cache, told = Cache(), list[Snapshot]()
    cancel = cache.watch("a", told.append)
    first, other, second = snapshot(a_cluster("1")), snapshot(), snapshot(a_cluster("2"))
    cache.set("a", first)
    cache.set("b", other)
    cancel()
    cache.set("a", second)
    assert told == [first]
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (second, other, None)
    assert cache.groups() == ("a", "b")


def test_a_watcher_may_cancel_while_it_is_told() -> None:
    cache, told = Cache(), list[str]()
    cancels: list[Cancel] = []

    def watcher(served: Snapshot) -> None:
        told.append("one")
        for cancel in cancels:
            cancel()

    cancels.append(cache.watch("a", watcher))
    cancels.append(cache.watch("a", lambda served: told.append("two")))
    cache.set("a", snapshot())
    cache.set("a", snapshot())
    assert told == ["one", "two"]


def test_who_is_told_of_a_snapshot_may_set_another_and_all_end_up_with_that() -> None:
    cache, told = Cache(), list[Snapshot]()
    first, second = snapshot(a_cluster("1")), snapshot(a_cluster("2"))

    def setter(served: Snapshot) -> None:
        told.append(served)
        if served is first:
            cache.set("a", second)

    cache.watch("a", setter)
    cache.watch("a", told.append)
    cache.set("a", first)
    assert told == [first, second, second]


def test_a_group_has_clients_of_one_kind_at_a_time() -> None:
    cache = Cache()
    envoy, grpc = (NodeInfo(each, user_agent_name=each) for each in ("envoy", "grpc"))
    cancel = cache.watch("a", lambda served: None, envoy)
    cache.watch("a", lambda served: None, NodeInfo("curl"))
    with pytest.raises(NoGroup, match=r"grpc: is a gRPC client \('grpc'\), but group 'a' is for"):
        cache.watch("a", lambda served: None, grpc)
    cancel()
    cache.watch("a", lambda served: None, grpc)
    with pytest.raises(NoGroup, match="but group 'a' is for gRPC clients"):
        cache.watch("a", lambda served: None, envoy)
