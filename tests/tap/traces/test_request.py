"""The body of POST /tap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from tap.traces.request import (
    ANY,
    MAX_BODY_BYTES,
    SOCKETS,
    SOCKETS_REQUEST,
    AllOf,
    AnyOf,
    HeaderIn,
    HeaderIs,
    TapRequest,
    TapRequestError,
)


def test_the_body_is_the_one_format_that_does_not_abort_envoy() -> None:
    assert TapRequest(request_body=1, response_body=2).body() == {
        "config_id": "meshloom",
        "tap_config": {
            "match": {"any_match": True},
            "output_config": {
                "streaming": False,
                "max_buffered_rx_bytes": 1,
                "max_buffered_tx_bytes": 2,
                "sinks": [{"format": "JSON_BODY_AS_BYTES", "streaming_admin": {}}],
            },
        },
    }


def test_only_sockets_is_a_match_that_no_request_with_headers_has() -> None:
    def lacks(side: str, name: str) -> dict[str, Any]:
        headers = [{"name": name, "present_match": True}]
        return {"not_match": {f"http_{side}_headers_match": {"headers": headers}}}

    assert SOCKETS.predicate() == {
        "and_match": {"rules": [lacks("request", ":method"), lacks("response", ":status")]}
    }
    assert SOCKETS_REQUEST.streamed
    assert SOCKETS_REQUEST.request_body == SOCKETS_REQUEST.response_body == MAX_BODY_BYTES


def test_nothing_can_name_a_sink_a_format_or_leave_out_the_match() -> None:
    names = {field.name for field in fields(TapRequest)}
    assert names == {"config_id", "request_body", "response_body", "streamed", "match"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"request_body": -1}, "request_body: -1 bytes, expected 0 to 4194304"),
        ({"response_body": MAX_BODY_BYTES + 1}, "response_body: 4194305 bytes, expected 0 to"),
        ({"config_id": ""}, "config_id: can't be empty"),
    ],
)
def test_a_wrong_request_can_not_be_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TapRequestError, match=message):
        TapRequest(**values)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HeaderIs("", "x"),
        lambda: HeaderIs(":path", ""),
        lambda: HeaderIs(":path", "a\nb"),
        lambda: HeaderIs(":path", "x" * 5000),
        lambda: HeaderIn(":status", 500, 500),
        lambda: HeaderIn(":status", 0, 1 << 60),
        lambda: AllOf((ANY,)),
        lambda: AnyOf(()),
    ],
)
def test_a_wrong_rule_can_not_be_built(make: Callable[[], object]) -> None:
    with pytest.raises(TapRequestError):
        make()
