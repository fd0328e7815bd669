"""What vegeta says of each request, as its 12.12 wrote it."""

from __future__ import annotations

import pytest

from mini_mesh.load.load import Load, LoadError, edge
from mini_mesh.load.others import vegeta

ROW = (
    '{{"attack":"","seq":{seq},"code":{code},"timestamp":"2026-11-29T00:54:10.{ms:03}Z",'
    '"latency":{latency},"bytes_out":0,"bytes_in":2,"error":"{error}","body":null,"method":"GET",'
    '"url":"http://127.0.0.1:1/","headers":{{}}}}'
)
LOAD = Load((edge("http://127.0.0.1:1/"),), 100.0, 1.0, 1)


def row(seq: int, ms: int, latency: int = 1000, code: int = 200, error: str = "") -> str:
    return ROW.format(seq=seq, ms=ms, latency=latency, code=code, error=error)


def test_what_was_sent_late_has_waited() -> None:
    rows = [row(1, 130, 1_000_000), row(0, 100, 1_000_000)]  # number 1 was due at 110
    told = vegeta.read("\n".join(rows).encode(), LOAD).whole
    assert told.latency.greatest == 21_000_000
    assert told.service.greatest == 1_000_000


def test_no_answer_is_an_error() -> None:
    rows = row(0, 100, code=0, error="dial tcp 127.0.0.1:1: connect: connection refused")
    assert vegeta.read(rows.encode(), LOAD).whole.errors == {"connection refused": 1}


def test_times_may_have_a_zone_and_any_digits() -> None:
    utc = vegeta._ns("2026-11-29T00:54:10.5Z")
    assert vegeta._ns("2026-11-29T01:54:10.500000000+01:00") == utc


@pytest.mark.parametrize("out", [b"x", b"[]", b"{}", b'{"timestamp": 1}'])
def test_anything_else_is_refused(out: bytes) -> None:
    with pytest.raises(LoadError, match="not what vegeta says"):
        vegeta.read(out, LOAD)
