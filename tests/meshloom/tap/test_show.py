"""``meshloom tap show``."""

from __future__ import annotations

import json

import pytest

from mesh_traffic import Body, Headers
from tests.meshloom.tap.stored import store, tap
from tests.tap.exchanges import SAMPLE, sample

pytestmark = pytest.mark.usefixtures("alone")


def test_all_that_is_known_of_one() -> None:
    store()
    done = tap("show", "9f3e")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1:] == [
        "  node         productpage-v1 outbound",
        "  from         productpage v1 127.0.0.1:40000",
        "  to           reviews v2 127.0.0.1:9081",
        "  authority    reviews:9080",
        "  request id   8c5d2d6e-1b5a-4f0b-9d0e-54f5d6a3c001",
        "  route        reviews-route",
        "  cluster      reviews-v2",
        "  tries        3",
        "  details      overflow",
        "  times        asked 0.1 ms   sent on 2.0 ms   first answer 11 ms   ended 12 ms",
        "  seen by      tap, access log",
        "  why          meshloom debug explain 9f3e",
        "> POST /reviews/1?full=1",
        "> User-Agent: curl/8",
        "> content-type: text/plain",
        "> x-a: 1",
        "> x-a: 2",
        "  text",
        "  | five stars",
        "< 503",
        "< retry-after: 1",
        "  text",
        "  | overflow",
        "  … cut off: 8 of 4,096 bytes were kept",
    ]


def test_several_as_json() -> None:
    store()
    done = tap("show", "--json", "9f3e", "a1")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["9f3e", "a1"]


def test_nothing_that_a_terminal_obeys() -> None:
    request = SAMPLE.request.__class__(
        "GET\x1b[2J", "/\x07", headers=Headers.of({"a": "\x1b[2J"}), body=Body(b"\x1b[2J")
    )
    store(sample(request=request, response=None, cluster="\x1b[2J"))
    done = tap("show", "9f3e")
    assert "\x1b" not in done.out
    assert "\x07" not in done.out
    assert done.out.endswith("no response was seen\n")


def test_an_id_that_is_not_there_is_named() -> None:
    path = store()
    done = tap("show", "9f3e", "none")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"meshloom tap: {path}: no exchange with id none\n"
