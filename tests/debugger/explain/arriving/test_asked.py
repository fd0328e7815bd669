"""What an exchange tells of the request as it arrived."""

from __future__ import annotations

from debugger.explain.arriving.asked import SURE, of_exchange
from mesh_traffic import Endpoint
from tests.debugger.explain.made import exchange


def test_the_owner_of_the_listener_is_who_calls_or_who_is_called() -> None:
    parties = {"source": Endpoint("web", "v1", "127.0.0.1:1"), "destination": Endpoint("api", "v2")}
    assert of_exchange(exchange(**parties)).owner == "web-v1"
    assert of_exchange(exchange(direction="inbound", **parties)).owner == "api-v2"
    assert of_exchange(exchange(direction="ingress", **parties)).owner == ""


def test_a_tapped_request_is_sure_and_a_logged_one_is_not() -> None:
    assert not of_exchange(exchange()).unsure
    logged = of_exchange(exchange(sources=("access log",))).unsure
    assert logged.of("x-user") == logged.of("Cookie") == "it was not captured"
    assert logged.of(":path") == logged.of("User-Agent") == logged.of(":method") == ""


def test_a_path_that_a_node_before_rewrote_is_unsure_where_it_came_in() -> None:
    headers = {"x-envoy-original-path": "/old"}
    assert of_exchange(exchange(direction="inbound", headers=headers)).unsure.of(":path")
    assert not of_exchange(exchange(headers=headers)).unsure.of(":path")


def test_what_is_unsure_has_its_reason() -> None:
    assert SURE.also(["X-A"], "because").of("x-a") == "because"
    assert not SURE
