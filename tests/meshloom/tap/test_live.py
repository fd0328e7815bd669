"""What ``meshloom up`` stores is asked for by other commands, while it runs and afterwards."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from typing import Any

import pytest

from tests.meshloom.tap.stored import tap

REQUEST_ID = "11111111-2222-4333-8444-555555555555"


def ask(demo: dict[str, Any], path: str, request_id: str) -> None:
    request = urllib.request.Request(demo["ingress"] + path, headers={"x-request-id": request_id})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def stored(request_id: str, count: int) -> list[dict[str, Any]]:
    """The exchanges of a request, when so many are stored."""
    end = time.monotonic() + 10
    while True:
        done = tap("query", f"request_id == {request_id}", "--json")
        found = [json.loads(line) for line in done.out.splitlines()]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.1)


def test_every_request_is_stored_whoever_watches(demo: dict[str, Any]) -> None:
    ask(demo, "/productpage", REQUEST_ID)
    found = stored(REQUEST_ID, 6)
    assert len(found) >= 6
    assert {one["node"] for one in found} >= {"ingress", "productpage-v1", "details-v1"}
    assert all(one["sources"] == ["access log"] for one in found)


def test_the_tree_of_one_of_its_hops_is_that_of_the_whole_request(demo: dict[str, Any]) -> None:
    ask(demo, "/productpage", REQUEST_ID.replace("1", "2"))
    found = stored(REQUEST_ID.replace("1", "2"), 6)
    details = next(one for one in found if one["destination"]["service"] == "details")
    done = tap("tree", details["id"])
    assert (done.code, done.err) == (0, "")
    first, *others = done.out.splitlines()
    assert first.startswith("ingress → productpage v1")
    told = "\n".join(others)
    assert "├─ productpage v1 → details v1" in told
    assert "└─ productpage v1 → reviews v" in told
    (root,) = json.loads(tap("tree", details["id"], "--json").out)
    assert root["sent"]["node"] == "ingress"
    assert [one["node"] for one in root["arrived"]] == ["productpage-v1"]


def test_an_id_that_is_not_there_is_bad_input(demo: dict[str, Any]) -> None:
    done = tap("tree", "nothing")
    assert done.code == 2
    assert "no exchange with id nothing" in done.err


def test_top_counts_by_route(demo: dict[str, Any]) -> None:
    threading.Timer(0.5, ask, (demo, "/productpage", "x")).start()
    done = tap("top", "-n", "1", "--every", "2", "--json")
    assert (done.code, done.err) == (0, "")
    picture = json.loads(done.out)
    assert picture["coverage"]["watching"] == picture["coverage"]["targets"] == 7
    assert "details" in {row["destination"].split()[0] for row in picture["routes"]}
    assert all(row["rate"] > 0 and row["failed"] == 0 for row in picture["routes"])


def test_top_is_a_table_for_people(demo: dict[str, Any]) -> None:
    threading.Timer(0.5, ask, (demo, "/productpage", "y")).start()
    done = tap("top", "-n", "1", "--every", "2")
    assert done.out.splitlines()[0].split() == [
        "FROM", "→", "TO", "ROUTE", "RPS", "FAILED", "P50", "P99", "TOTAL", "FLAGS"
    ]  # fmt: skip
    assert "ingress → productpage v1" in done.out
    assert "watching 7 Envoys" in done.out


@pytest.mark.parametrize("command", [[], ["top"]])
def test_an_unknown_service_is_told_the_known_ones(
    demo: dict[str, Any], command: list[str]
) -> None:
    done = tap(*command, "--service", "revews")
    assert (done.code, done.out) == (2, "")
    known = "client, details, productpage, ratings, reviews"
    assert done.err == f"meshloom tap: unknown service 'revews', the mesh has {known}\n"
