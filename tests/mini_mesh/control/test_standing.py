"""A resource's standing: what is to be, sent and accepted, and what that makes of many."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mini_mesh.control.effect import Verdict
from mini_mesh.control.standing import MAX_FIELDS, Standing, as_json, overall
from tests.xds_server.playbook import CLUSTER, ROUTE, a_cluster, a_route
from xds_server.resource import Resource, ResourceType


@pytest.mark.parametrize(
    ("to_be", "accepted", "change"),
    [("1", "1", ""), ("1", "", "added"), ("2", "1", "changed"), ("", "1", "removed"), ("", "", "")],
)
def test_what_a_client_has_to_do_still(to_be: str, accepted: str, change: str) -> None:
    assert Standing(CLUSTER, "c", to_be, to_be, accepted, "unknown").change == change


@pytest.mark.parametrize(
    ("row", "settled"),
    [
        (Standing(CLUSTER, "c", "1", "1", "1", "yes"), True),
        (Standing(CLUSTER, "c", "1", "1", "1", "unknown"), True),
        (Standing(CLUSTER, "c", "1", "1", "1", "warming"), False),
        (Standing(CLUSTER, "c", "1", "1", "", "yes"), False),
        (Standing(CLUSTER, "c", "2", "1", "1", "yes"), False),
    ],
)
def test_settled_is_what_is_the_same_everywhere(row: Standing, settled: bool) -> None:
    assert row.settled is settled


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "unknown"),
        (["unknown", "yes"], "yes"),
        (["warming", "yes"], "warming"),
        (["warming", "no", "unknown"], "no"),
    ],
)
def test_of_many_the_worst_that_is_known_counts(verdicts: Iterable[Verdict], worst: str) -> None:
    assert overall(verdicts) == worst


def told(old: Resource, new: Resource) -> dict[str, object]:
    versions = {each.version: each for each in (old, new)}

    def find(kind: ResourceType, name: str, version: str) -> Resource | None:
        return versions.get(version)

    return as_json(Standing(old.type, old.name, new.version, new.version, old.version, "no"), find)


def test_fields_are_told_by_their_paths_and_not_without_end() -> None:
    assert told(a_cluster("c", "old"), a_cluster("c", "new"))["fields"] == [
        {"path": "alt_stat_name", "from": "old", "to": "new", "place": None}
    ]
    many = told(a_route("r"), a_route("r", *map(str, range(50))))
    assert (len(many["fields"]), many["fields_in_all"]) == (MAX_FIELDS, 50)  # type: ignore[arg-type] # a value of JSON


def test_of_a_version_that_is_not_known_any_more_no_fields_are_told() -> None:
    row = Standing(ROUTE, "r", "2", "2", "1", "no")
    assert as_json(row, lambda kind, name, version: None)["fields"] == []
