"""What an Envoy counted and never came."""

from __future__ import annotations

import pytest

from tap.live.audit import Audit
from tap.sources.counters import Counters, of_json


def test_what_came_is_not_missing_whenever_one_begins_to_look() -> None:
    audit = Audit()
    for counted, received in ((500, 0), (520, 20), (520, 20)):
        audit.look(counted, received)
        assert audit.missing == 0


def test_what_is_on_its_way_is_looked_for_at_the_next_look() -> None:
    audit = Audit()
    audit.look(0, 0)
    audit.look(100, 60)
    assert audit.missing == 0
    audit.look(100, 90)
    assert audit.missing == 10
    audit.look(100, 100)  # late, but here
    assert audit.missing == 0


def test_what_was_on_its_way_at_the_first_look_hides_no_loss_later() -> None:
    audit = Audit()
    audit.look(100, 0)
    audit.look(100, 30)
    audit.look(140, 65)
    audit.look(140, 65)
    assert audit.missing == 5


def test_what_came_while_envoy_answered_makes_nothing_missing() -> None:
    audit = Audit()
    audit.look(100, 100, asked_at=100)
    audit.look(150, 180, asked_at=140)  # 30 were read before the answer that does not count them
    audit.look(200, 200, asked_at=200)
    audit.look(200, 200, asked_at=200)
    assert audit.missing == 0


def test_an_envoy_that_starts_anew_counts_from_nothing_and_keeps_its_losses() -> None:
    audit = Audit()
    audit.look(0, 0)
    audit.look(10, 4)
    audit.look(10, 4)
    audit.look(3, 4)
    audit.look(5, 6)
    assert audit.missing == 6


def test_the_counters_of_all_listeners_are_one() -> None:
    text = b"""{"stats": [{"name": "http.in.tap.rq_tapped", "value": 2},
        {"name": "http.out.tap.rq_tapped", "value": 3},
        {"name": "transport.tap.streamed_submit", "value": 10},
        {"name": "transport.tap.meshloom.buffered_submit", "value": 1},
        {"name": "access_logs.grpc_access_log.logs_written", "value": 7},
        {"name": "http.in.ext_proc.meshloom.streams_started", "value": 11},
        {"name": "cluster.meshloom_ext_proc.upstream_rq_active_overflow", "value": 4}]}"""
    assert of_json(text) == Counters(written=7, tapped=16, processed=15)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"stats": [1]}', b'{"stats": [{"name": "x"}]}'])
def test_what_are_no_counters_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="no stats|Expecting"):
        of_json(text)
