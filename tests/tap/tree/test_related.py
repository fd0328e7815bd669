"""What a store has of one request, by all ids that it went by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mesh_traffic import Exchange, replace
from tap.store import Limits, Reader, Store
from tap.tree.hops import hops_of
from tap.tree.related import MAX_RELATED, of_request, related
from tests.tap.spans_and_hops import ALL, API, INGRESS, QUERY, WEB, WEB_IN, captured


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tap.store"


def stored(path: Path, exchanges: list[Exchange]) -> Path:
    with closing(Store(path, Limits(None, None, None))) as store:
        store.add(exchanges)
    return path


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    other = captured("other", "ingress", 10, 0.1, b="web", client="c:9", request="r-9")
    with Reader(stored(path, [*ALL, other])) as reader:
        yield reader


@pytest.mark.parametrize("asked", [INGRESS, WEB, API, QUERY, ALL[5]], ids=lambda one: one.id)
def test_whichever_is_asked_for_all_that_share_an_id_or_a_connection_come(
    reader: Reader, asked: Exchange
) -> None:
    found = related(reader, asked)
    # no id of theirs is that of db-out; nothing leads from r-1 to the rest but a connection
    assert {one.id for one in found} == {one.id for one in ALL} - {"db-out"}
    (root,) = of_request(hops_of(found), asked)
    assert root.sent == INGRESS


def test_steps_are_found_and_are_no_requests_of_a_query(reader: Reader) -> None:
    assert [one.id for one in reader.query()] == [one.id for one in ALL if not one.is_step] + [
        "other"
    ]
    assert [one.id for one in reader.query(limit=2)] == ["db-out", "other"]
    assert reader.by_id("query") == [QUERY]


def test_what_a_client_put_into_the_same_trace_is_another_tree(path: Path) -> None:
    same = [
        captured(f"{n}", "ingress", n, 0.5, "one", b="web", request=f"r-{n}") for n in range(20)
    ]
    with Reader(stored(path, same)) as reader:
        found = related(reader, same[7])
    assert len(found) == 20
    (root,) = of_request(hops_of(found), same[7])
    assert root.sent == same[7]


def test_of_more_than_are_shown_the_nearest_in_time_are(path: Path) -> None:
    many = [replace(INGRESS, id=f"{n}", started=float(n)) for n in range(2 * MAX_RELATED)]
    with Reader(stored(path, many)) as reader:
        found = related(reader, many[-1])
    assert len(found) == MAX_RELATED
    assert min(one.started for one in found) == MAX_RELATED


def test_a_connection_of_another_time_joins_nothing(path: Path) -> None:
    later = replace(WEB, started=WEB.started + 100)
    with Reader(stored(path, [INGRESS, WEB_IN, later])) as reader:
        assert {one.id for one in related(reader, INGRESS)} == {"ingress", "web-in"}
