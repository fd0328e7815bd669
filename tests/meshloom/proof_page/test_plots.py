"""Plots are XML, whatever they are of."""

from __future__ import annotations

from xml.etree import ElementTree as xml

import pytest

from meshloom.proof_page import plots
from mini_mesh.proving.observed import Happened
from mini_mesh.proving.record import Point, Record
from mini_mesh.proving.verdict import Measured

INF = float("inf")


@pytest.mark.parametrize(
    ("measured", "kind"),
    [
        (Measured(5, 3, 7), "good"),
        (Measured(8, 3, 7), "bad"),
        (Measured(0, 0, 0), "good"),
        (Measured(5, -INF, 4), "bad"),
        (Measured(5, 4, INF), "good"),
        (Measured(-5, -INF, INF), "good"),
        (Measured(1e12, 1, 2), "bad"),
    ],
)
def test_a_bar_shows_what_is_allowed_and_what_was_seen(measured: Measured, kind: str) -> None:
    svg = xml.fromstring(plots.bar(measured))
    assert svg.get("class") == f"bar {kind}"
    for rect in svg.iter("rect"):
        assert 0 <= float(rect.get("x", 0)) <= plots.BAR
        assert float(rect.get("x", 0)) + float(rect.get("width", 0)) <= plots.BAR + 3


def test_a_timeline_has_a_dot_for_each_request_and_what_happened() -> None:
    points = tuple(Point(i / 10, 0.01, status) for i, status in enumerate([200, 0, 503, -1, 14]))
    record = Record(points, 5, (Happened("stop <shop>", 0.1, 0.3),))
    figure = xml.fromstring(plots.timeline(record))
    dots = {each.get("class"): (each.get("d") or "").count("M") for each in figure.iter("path")}
    assert (dots["dots good"], dots["dots bad"], dots["dots none"]) == (2, 2, 1)
    assert any(text.text == "stop <shop>" for text in figure.iter("text"))


def test_a_distribution_counts_all_requests_and_shows_the_limits() -> None:
    record = Record(tuple(Point(0, n / 100, 200) for n in range(50)), 50)
    figure = xml.fromstring(plots.distribution(record, [(0.1, 0.2), (-INF, 0.3)]))
    counts = [int(title.text or 0) for title in figure.iter("title")]
    assert sum(counts) == 50
    assert sum(each.get("class") == "limit" for each in figure.iter("path")) == 3


@pytest.mark.parametrize("record", [Record(), Record((Point(0, 0, 200),), 1)])
def test_little_is_drawn_too(record: Record) -> None:
    assert xml.fromstring(plots.timeline(record)).tag == "figure"
    assert xml.fromstring(plots.distribution(record, [])).tag == "figure"
