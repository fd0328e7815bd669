"""What fortio says of a run, as its 1.63 wrote it."""

from __future__ import annotations

import json

import pytest

from mini_mesh.load.load import Load, LoadError, edge
from mini_mesh.load.others import fortio

LOAD = Load((edge("http://127.0.0.1:1/"),), 100.0, 1.0, 1)
TOLD = {
    "RunType": "HTTP",
    "StartTime": "2026-11-29T00:54:10.926765883Z",
    "RequestedQPS": "100",
    "ActualQPS": 97.02535259364849,
    "ActualDuration": 1030658455,
    "DurationHistogram": {
        "Count": 100,
        "Min": 0.000142974,
        "Max": 0.000429241,
        "Sum": 0.025901829,
        "Data": [
            {"Start": 0.000142974, "End": 0.0002, "Percent": 11, "Count": 11},
            {"Start": 0.0002, "End": 0.0003, "Percent": 77, "Count": 66},
            {"Start": 0.0003, "End": 0.000429241, "Percent": 100, "Count": 23},
        ],
    },
    "RetCodes": {"200": 98, "-1": 2},
}


def test_its_histogram_is_ours() -> None:
    told = fortio.read(json.dumps(TOLD).encode(), LOAD)
    whole = told.whole
    assert whole.latency.quantile(0.5) == pytest.approx(250_000, rel=0.01)
    assert (whole.latency.total, whole.latency.greatest) == (100, 429_241)
    assert whole.statuses == {200: 98}
    assert whole.errors == {"no answer": 2}
    assert told.seconds == pytest.approx(1.03, abs=0.01)
    assert "not corrected" in told.generator


@pytest.mark.parametrize("out", [b"", b"[]", b"{}", b'{"DurationHistogram": 1}'])
def test_anything_else_is_refused(out: bytes) -> None:
    with pytest.raises(LoadError, match="not what fortio says"):
        fortio.read(out, LOAD)
