"""Envoy's details and flags in words."""

from __future__ import annotations

import pytest

from debugger.explain.observed import of_exchange, told_by
from mesh_traffic import Timing
from tests.debugger.explain.made import exchange


@pytest.mark.parametrize(
    ("details", "who", "words"),
    [
        ("via_upstream", "upstream", "the upstream answered"),
        ("direct_response", "route", "the route answers by itself"),
        ("route_not_found", "no route", "no route matched"),
        ("rbac_access_denied_matched_policy[none]", "filter", "the RBAC filter denied it"),
        (
            "upstream_reset_before_response_started{connection_timeout}",
            "sending",
            "the upstream was lost before it answered: connection timeout",
        ),
        ("http1.codec_error", "envoy", "it was no HTTP/1 that Envoy takes"),
        ("what_a_filter_makes_up", "", ""),
        ("", "", ""),
    ],
)
def test_details_say_who_ended_it(details: str, who: str, words: str) -> None:
    assert told_by(details) == (who, words)


def test_flags_are_translated_and_a_rule_is_named() -> None:
    denied = "rbac_access_denied_matched_policy[deny[0]]"
    found = of_exchange(exchange(flags=("UO", "XX"), details=denied))
    assert found.flag_words == ("UO circuit breaker open", "XX")
    assert found.policy == "deny[0]"


def test_an_upstream_is_one_that_was_reached() -> None:
    assert of_exchange(exchange()).upstream == "127.0.0.1:20004"
    none = of_exchange(exchange(cluster="", timing=Timing()))
    assert (none.upstream, none.sent) == ("", False)


def test_a_call_may_be_grpc_where_nobody_saw_its_content_type() -> None:
    assert not of_exchange(exchange()).may_be_grpc
    assert of_exchange(exchange(headers={"content-type": "application/grpc+proto"})).may_be_grpc
    assert of_exchange(exchange(sources=("access log",))).may_be_grpc


def test_without_an_entry_of_the_log_nothing_is_known_of_routes() -> None:
    assert not of_exchange(exchange(sources=("tap",), details="")).logged
