"""JSON lines: the exchanges themselves."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Exchange
from tap.export.jsonl import write
from tap.live.wire import exchange_from_json
from tests.tap.exchanges import EXCHANGE


@settings(max_examples=30)
@given(st.lists(EXCHANGE, max_size=3))
def test_a_line_is_an_exchange(exchanges: list[Exchange]) -> None:
    lines = b"".join(write(exchanges)).splitlines()
    assert [exchange_from_json(json.loads(line)) for line in lines] == exchanges
