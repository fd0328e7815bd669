"""oha's table, as its 1.16 wrote it."""

from __future__ import annotations

import pytest

from mini_mesh.load.load import Load, LoadError, edge
from mini_mesh.load.others import oha

LOAD = Load((edge("http://127.0.0.1:1/"),), 3.0, 1.0, 1)
TOLD = b"""request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status
0.001449427,0.000069877,0.000252599,0.001134802,0.001236248,2,200
0.011747226,0.000024336,0.000205047,0.001029726,0.001067203,2,503
"""


def test_a_line_is_an_answer() -> None:
    told = oha.read(TOLD, LOAD).whole
    assert told.statuses == {200: 1, 503: 1}
    assert told.latency.greatest == 1_236_248
    assert not told.errors


def test_what_is_missing_got_no_answer() -> None:
    many = Load(LOAD.edges, 100.0, 1.0, 1)
    assert oha.read(TOLD, many).whole.errors == {"no answer": 97}


@pytest.mark.parametrize("out", [b"", b"x", TOLD + b"1,2\n", TOLD.replace(b"200", b"?")])
def test_anything_else_is_refused(out: bytes) -> None:
    with pytest.raises(LoadError, match="not what oha says"):
        oha.read(out, LOAD)
