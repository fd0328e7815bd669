"""What changed between two readings: of the interval alone, whatever came before."""

from __future__ import annotations

import pytest

from debugger.stats.change import Reading, changes, read
from debugger.stats.naming import Names, is_own


def test_counters_have_a_rate_and_gauges_a_change() -> None:
    before = Reading(1.0, {"a": 5, "b": 7, "same": 1}, {"g": 3, "h": 1})
    after = Reading(3.0, {"a": 9, "b": 2, "same": 1, "new": 1}, {"g": 1, "h": 1})
    found = {each.name: each for each in changes(before, after)}
    assert (found["a"].amount, found["a"].rate, found["a"].restarted) == (4, 2.0, False)
    assert (found["b"].amount, found["b"].restarted) == (2, True)
    assert (found["g"].amount, found["g"].now) == (-2, 1)
    assert set(found) == {"a", "b", "g", "new"}


def test_quantiles_are_those_of_the_interval() -> None:
    old = {1.0: (0.1, 1000)}
    new = {1.0: (0.1, 1000), 10.0: (1.0, 50), 20.0: (1.0, 50)}
    (found,) = changes(Reading(0, histograms={"t": old}), Reading(1, histograms={"t": new}))
    assert (found.amount, found.now) == (100, 1100)
    assert found.quantiles[0.5] == pytest.approx(11.0)
    assert found.quantiles[1.0] == pytest.approx(21.0)


def test_a_histogram_that_counts_anew_is_told_as_such() -> None:
    one, two = ({1.0: (0.1, count)} for count in (9, 2))
    (found,) = changes(Reading(0, histograms={"t": one}), Reading(1, histograms={"t": two}))
    assert (found.amount, found.restarted) == (2, True)


def test_envoys_json_is_read() -> None:
    total = {"lower_bound": 1, "width": 0.1, "count": 2}
    details = [{"name": "t", "totals": [total]}]
    found = read(
        1.0,
        {"stats": [{"name": "c", "value": 1}]},
        {"stats": []},
        {"stats": [{"histograms": {"details": details}}]},
    )
    assert found == Reading(1.0, {"c": 1}, {}, {"t": {1.0: (0.1, 2)}})


def test_names_are_taken_apart_by_what_is_known() -> None:
    names = Names(["a", "a.b", "local:web"], ["front"])
    assert names.subject("cluster.a.b.upstream_rq") == ("cluster", "a.b", "upstream_rq")
    assert names.subject("cluster.a.upstream_rq") == ("cluster", "a", "upstream_rq")
    assert names.subject("cluster.local_web.x.y") == ("cluster", "local:web", "x.y")
    assert names.subject("http.front.rq.total") == ("http", "front", "rq.total")
    assert names.subject("listener.127.0.0.1_80.cx") == ("listener", "127.0.0.1:80", "cx")
    assert names.subject("server.live") == ("server", "", "live")
    assert is_own("http.admin.rq_total")
