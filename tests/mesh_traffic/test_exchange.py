"""Claims about exchanges."""

from __future__ import annotations

import pytest

from mesh_traffic import Endpoint, Exchange, Request


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        (Endpoint("reviews", "v2", "127.0.0.1:1"), "reviews v2"),
        (Endpoint("reviews"), "reviews"),
        (Endpoint(address="127.0.0.1:1"), "127.0.0.1:1"),
        (Endpoint(), "?"),
    ],
)
def test_an_endpoint_is_shown_by_the_best_that_is_known_of_it(
    endpoint: Endpoint, shown: str
) -> None:
    assert str(endpoint) == shown


def test_an_exchange_without_a_response_says_so() -> None:
    exchange = Exchange("1", "ingress", Request())
    assert exchange.response is None
    assert exchange.duration is None
