"""In which groups a caller takes the hosts of a service."""

from __future__ import annotations

from mesh_patterns.draft import Draft, Target
from mesh_patterns.hosts import groups, shares
from mesh_patterns.policy import Failover
from tests.mesh_patterns.conftest import Read

MESH = """
mesh:
  services:
    shop:
      versions:
        a: {locality: eu/1, priority: 3, replicas: 2, weight: 5}
        b: {locality: eu/2, priority: 9}
        c: {locality: us/1, priority: 3}
"""


def told(draft: Draft, *args: object) -> list[tuple[int, str, list[str]]]:
    found = groups(draft, Target("shop"), *args)  # type: ignore[arg-type] # as the tests have them
    return [
        (each.priority, "/".join(each.locality), [instance.id for instance, _ in each.hosts])
        for each in found
    ]


def test_no_priority_is_left_out_and_each_locality_is_a_group(read: Read) -> None:
    draft = read(MESH)
    assert told(draft) == [
        (0, "eu/1", ["shop-a", "shop-a-2"]),
        (0, "us/1", ["shop-c"]),
        (1, "eu/2", ["shop-b"]),
    ]
    assert {weight for each in groups(draft, Target("shop")) for _, weight in each.hosts} == {
        5, None
    }  # fmt: skip


def test_an_order_of_versions_wins_and_the_rest_comes_last(read: Read) -> None:
    draft = read(MESH)
    assert [(p, where) for p, where, _ in told(draft, Failover(("b", "a")))] == [
        (0, "eu/2"), (1, "eu/1"), (2, "us/1")
    ]  # fmt: skip


def test_who_is_near_is_asked_first(read: Read) -> None:
    draft = read(MESH)
    local = Failover(local=True)
    assert [(p, where) for p, where, _ in told(draft, local, ("eu", "2"))] == [
        (0, "eu/2"), (1, "eu/1"), (2, "us/1")
    ]  # fmt: skip
    assert {p for p, _, _ in told(draft, local, ())} == {0}  # nobody knows where the caller is
    (only,) = groups(draft, Target("shop", "b"), local, ("us", "1"))
    assert only.priority == 0


def test_a_share_is_divided_by_hosts_and_the_narrower_place_counts(read: Read) -> None:
    found = groups(read(MESH), Target("shop"), Failover(("a", "b", "c")))
    assert [each.locality for each in found] == [("eu", "1"), ("eu", "2"), ("us", "1")]
    assert shares(found, [(("eu",), 11)]) == [10_000, 1_000, 0]  # weights of 5 and 5, and of 1
    assert shares(found, [(("eu",), 1), (("eu", "2"), 3)]) == [1_000, 3_000, 0]
