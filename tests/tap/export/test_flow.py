"""mitmproxy's flow file: read by mitmproxy, and by our own reader with all that was known."""

from __future__ import annotations

import io
from pathlib import Path

from hypothesis import given, settings
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from mesh_traffic import Exchange
from tap.export.flow import write
from tap.flows import read_flows
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample


def flows(*exchanges: Exchange) -> list[HTTPFlow]:
    data = io.BytesIO(b"".join(write(exchanges)))
    found = list(FlowReader(data).stream())
    assert all(isinstance(one, HTTPFlow) for one in found)
    return [one for one in found if isinstance(one, HTTPFlow)]


def test_mitmproxy_reads_it() -> None:
    first, second = flows(SAMPLE, sample(response=None))
    assert first.request.pretty_url == "http://reviews:9080/reviews/1?full=1"
    assert first.request.headers.get_all("x-a") == ["1", "2"]
    assert first.request.text == "five stars"
    assert first.response is not None
    assert (first.response.status_code, first.response.text) == (503, "overflow")
    assert first.response.timestamp_end == SAMPLE.started + 0.012
    assert first.comment == "response body cut off: 8 of 4,096 bytes were kept"
    assert first.client_conn.peername == ("127.0.0.1", 40000)
    assert second.response is None


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    given_ = [SAMPLE, sample(id="a", response=None, duration=None)]
    file = tmp_path / "a.flow"
    file.write_bytes(b"".join(write(given_)))
    assert read_flows(file) == given_


def test_what_was_edited_in_mitmproxy_stays_edited(tmp_path: Path) -> None:
    from mitmproxy.io import FlowWriter

    (flow,) = flows(SAMPLE)
    flow.request.content, flow.request.host_header = b"edited", "other"
    odd = flow.copy()
    known = flow.metadata["meshloom"]["exchange"]
    odd.metadata["meshloom"]["exchange"] = known.replace('"id": "9f3e"', '"id": 1')
    file = tmp_path / "a.flow"
    with file.open("wb") as opened:
        for one in (flow, odd):
            FlowWriter(opened).add(one)
    first, second = read_flows(file)
    assert (first.request.body.data, first.request.body.size) == (b"edited", None)
    assert (first.request.authority, first.attempts) == ("other", 3)
    assert (second.request.body.data, second.node) == (b"edited", "")


@settings(deadline=None)
@given(EXCHANGE)
def test_whatever_is_captured_can_be_read_by_mitmproxy(exchange: Exchange) -> None:
    (flow,) = flows(exchange)
    assert flow.request.raw_content == exchange.request.body.data
    assert len(flow.request.headers.fields) >= len(exchange.request.headers)
