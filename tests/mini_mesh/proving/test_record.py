from __future__ import annotations

from mini_mesh.proving.observed import Happened, Observed, Sample
from mini_mesh.proving.record import MAX_POINTS, Record


def test_times_begin_with_the_first_request() -> None:
    samples = (Sample(200, 0.1, at=1000.5), Sample(503, 0.2, at=1000.25))
    record = Record.of(Observed(samples, happened=(Happened("push 1", 1000.3, 1000.4),)))
    assert [(point.at, point.status) for point in record.points] == [(0.0, 503), (0.25, 200)]
    assert record.sent == 2
    (happened,) = record.happened
    assert (round(happened.start, 6), round(happened.end, 6)) == (0.05, 0.15)


def test_of_many_the_rare_ones_are_kept() -> None:
    samples = [Sample(200, 0.1, at=i) for i in range(50_000)]
    samples[777] = Sample(503, 0.1, at=777)
    record = Record.of(Observed(tuple(samples)))
    assert len(record.points) <= MAX_POINTS
    assert record.sent == 50_000
    assert [point.at for point in record.points if point.status == 503] == [777]


def test_of_nothing_there_is_nothing() -> None:
    assert Record.of(Observed(())) == Record()
