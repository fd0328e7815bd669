"""Parquet, read again by pyarrow."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tap.export.parquet import ROWS, write
from tests.tap.exchanges import SAMPLE, sample

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")


def rows(*exchanges: Any) -> list[dict[str, Any]]:
    from pyarrow.parquet import read_table

    return list(read_table(io.BytesIO(b"".join(write(exchanges)))).to_pylist())


def test_a_row_has_what_the_exchange_has() -> None:
    first, *others = rows(SAMPLE, sample(response=None, duration=None))
    assert (first["service"], first["version"], first["status"]) == ("reviews", "v2", 503)
    assert first["started"].timestamp() == SAMPLE.started
    assert (first["flags"], first["attempts"]) == (["UO", "URX"], 3)
    assert first["request_headers"][2:] == [
        {"name": "x-a", "value": "1"},
        {"name": "x-a", "value": "2"},
    ]
    assert (first["request_body"], first["request_body_truncated"]) == (b"five stars", False)
    assert (first["response_body"], first["response_body_truncated"]) == (b"overflow", True)
    assert first["response_body_size"] == 4096
    assert [(one["status"], one["duration"]) for one in others] == [(None, None)]


def test_many_are_several_row_groups_and_none_is_a_file_as_well() -> None:
    found = rows(*(sample(id=str(at)) for at in range(ROWS + 1)))
    assert [one["id"] for one in found] == [str(at) for at in range(ROWS + 1)]
    assert rows() == []
