"""Bodies in pieces, trailers, and what the outcome says; the rest is in test_fidelity.py."""

from __future__ import annotations

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.guests import guest
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs

POST = Request("POST", "/", "a", body=Body(b"0123456789"))
BODY = {"proxy_on_request_body": [Call("proxy_get_buffer_bytes", [0, 0, 99, Out.TEXT], "body")]}


def send(probe: Probe, request: Request = POST, chunk_size: int | None = None) -> Outcome:
    return Filter(Module.of(probe.code())).handle(request, chunk_size=chunk_size)


def bodies(outcome: Outcome) -> list[str]:
    lines = [log.message for log in outcome.logs]
    return [line.partition("=")[2] for line in lines if line.startswith("request_body body=")]


@pytest.mark.parametrize("size", [1, 3, 10, 999, None])
def test_an_idle_filter_is_indifferent_to_chunking(size: int | None) -> None:
    outcome = Filter(Module.of(guest())).handle(POST, lambda r: Response(body=r.body), size)
    assert outcome.request is not None
    assert outcome.request.body.data == b"0123456789"
    assert outcome.response is not None
    assert outcome.response.body.data == b"0123456789"


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (0, ["0 0123", "0 4567", "0 89", "0 "]),  # passed on piece by piece
        (1, ["0 0123", "0 01234567", "0 0123456789", "0 0123456789"]),  # the whole so far
        (2, ["0 0123", "0 4567", "0 89", "0 "]),  # held back, but seen once
    ],
)
def test_what_a_body_callback_sees_depends_on_its_last_answer(answer: int, seen: list[str]) -> None:
    outcome = send(Probe(BODY, answers={"proxy_on_request_body": (answer, 0)}), chunk_size=4)
    assert bodies(outcome) == seen
    assert outcome.request is not None
    assert outcome.request.body.data == b"0123456789"


def test_a_dropped_piece_is_gone() -> None:
    outcome = send(Probe(BODY, answers={"proxy_on_request_body": (3, 0)}), chunk_size=4)
    assert outcome.request is not None
    assert outcome.request.body.data == b""


def test_a_stop_at_the_end_pauses_for_good() -> None:
    outcome = send(Probe({}, answers={"proxy_on_request_body": (0, 1)}))
    assert outcome.paused == "proxy_on_request_body"
    assert (outcome.request, outcome.status) == (None, None)
    assert [log.message for log in outcome.logs][-3:] == [
        "proxy_on_log (",
        "proxy_on_done (",
        "proxy_on_delete (",
    ]


def test_trailers_come_after_the_body_and_end_it() -> None:
    look = [Call("proxy_get_header_map_value", [1, b"x-t", Out.TEXT], "x-t")]
    change = [Call("proxy_add_header_map_value", [1, b"x-u", b"2"])]
    request = Request("POST", body=Body(b"ab"), trailers=Headers.of({"X-T": "1"}))
    outcome = send(Probe({"proxy_on_request_trailers": [*look, *change]}), request)
    messages = [log.message for log in outcome.logs]
    assert "proxy_on_request_body (2 0 " in messages
    assert "proxy_on_request_body (0 1 " not in messages
    assert "request_trailers x-t=0 1" in messages
    assert outcome.request is not None
    assert outcome.request.trailers.fields == (("x-t", "1"), ("x-u", "2"))


def test_a_buffered_body_passes_with_its_trailers() -> None:
    request = Request("POST", body=Body(b"ab"), trailers=Headers.of({"x-t": "1"}))
    outcome = send(Probe({}, answers={"proxy_on_request_body": 1}), request)
    assert outcome.request is not None
    assert outcome.request.body.data == b"ab"


def test_trailers_can_pause_too() -> None:
    request = Request("POST", body=Body(b"ab"), trailers=Headers.of({"x-t": "1"}))
    outcome = send(Probe({}, answers={"proxy_on_request_trailers": 1}), request)
    assert outcome.paused == "proxy_on_request_trailers"


def test_response_trailers_reach_the_client() -> None:
    response = Response(body=Body(b"x"), trailers=Headers.of({"grpc-status": "0"}))
    outcome = Filter(Module.of(guest())).handle(Request(), lambda request: response)
    assert outcome.response is not None
    assert outcome.response.trailers.fields == (("grpc-status", "0"),)


def test_the_upstream_is_asked_with_what_the_filter_made() -> None:
    call = Call("proxy_replace_header_map_value", [0, b":path", b"/new"])
    asked: list[Request] = []
    filter_ = Filter(Module.of(Probe({"proxy_on_request_headers": [call]}).code()))
    filter_.handle(Request(path="/old"), lambda request: asked.append(request) or Response(204))
    assert [request.path for request in asked] == ["/new"]


def test_a_host_header_stands_in_for_the_authority() -> None:
    outcome = send(Probe({}), Request(headers=Headers.of({"Host": "shop"})))
    assert outcome.request is not None
    assert (outcome.request.authority, len(outcome.request.headers)) == ("shop", 0)


def test_logs_belong_to_their_request() -> None:
    filter_ = Filter(Module.of(Probe({}).code()))
    first, second = filter_.handle(Request()), filter_.handle(Request())
    assert len(first.logs) - len(second.logs) == 3  # the start's are in the first


def test_state_that_a_filter_sets_is_not_in_the_next_request() -> None:
    calls = [
        Call("proxy_get_property", [b"seen", Out.TEXT], "before"),
        Call("proxy_set_property", [b"seen", b"yes"]),
    ]
    filter_ = Filter(Module.of(Probe({"proxy_on_request_headers": calls}).code()))
    for _ in range(2):
        messages = [log.message for log in filter_.handle(Request()).logs]
        assert "request_headers before=1 ~" in messages


def test_a_property_can_be_given_and_one_that_has_moved_is_warned_about() -> None:
    calls = [
        Call("proxy_get_property", [b"xds\0cluster_name", Out.TEXT], "given"),
        Call("proxy_get_property", [b"cluster_name", Out.TEXT], "moved"),
    ]
    config = PluginConfig(properties={"xds.cluster_name": b"reviews"})
    module = Module.of(Probe({"proxy_on_request_headers": calls}).code())
    outcome = Filter(module, config).handle(Request())
    messages = [log.message for log in outcome.logs]
    assert "request_headers given=0 reviews" in messages
    assert "request_headers moved=1 ~" in messages
    assert outcome.warnings == (
        "proxy_on_request_headers: property cluster_name is not found, as in Envoy; it is"
        " xds.cluster_name",
    )


def test_fields_that_can_not_be_read_are_none_and_warned_about() -> None:
    call = Call("proxy_set_header_map_pairs", [2, encode_pairs([(b"a", b"b")])[:-1]])
    outcome = send(Probe({"proxy_on_response_headers": [call]}))
    assert outcome.response is not None
    assert len(outcome.response.headers) == 0
    assert "fields that can't be read were taken as none" in outcome.warnings[0]
