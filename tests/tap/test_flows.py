"""mitmproxy's flow files: written by mitmproxy, read through our door."""

from __future__ import annotations

from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from mesh_traffic import Headers
from tap.flows import FlowsError, read_flows


def write(file: Path) -> Path:
    """An answered request, one without response, and a TCP flow."""
    answered, alone = tflow.tflow(resp=True), tflow.tflow()
    answered.request = http.Request.make(
        "POST", "http://shop.example:8080/cart?item=1", b"\0hello", {"X-A": "1", "x-a": "2"}
    )
    answered.request.trailers = http.Headers([(b"x-t", b"1")])
    with file.open("wb") as opened:
        writer = FlowWriter(opened)
        for flow in (answered, tflow.ttcpflow(), alone):
            writer.add(flow)
    return file


def test_http_flows_are_exchanges(tmp_path: Path) -> None:
    first, second = read_flows(write(tmp_path / "a.flow"))
    request, response = first.request, first.response
    assert (request.method, request.path) == ("POST", "/cart?item=1")
    assert (request.authority, request.body.data) == ("shop.example:8080", b"\0hello")
    assert request.headers.get_all("x-a") == ["1", "2"]
    assert "host" not in request.headers
    assert request.trailers == Headers((("x-t", "1"),))
    assert response is not None
    assert (response.status, response.body.data) == (200, b"message")
    assert second.response is None


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nonsense", "after 0 flows: Invalid data format"), (None, "No such file or directory")],
)
def test_what_is_no_flow_file_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "a.flow"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(FlowsError, match=message) as caught:
        read_flows(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    file = write(tmp_path / "a.flow")
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(FlowsError, match="after 2 flows: "):
        read_flows(file)
