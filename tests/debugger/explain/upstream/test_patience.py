"""Timeouts and tries in effect, each with its line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from debugger.explain.served import Piece
from debugger.explain.upstream.patience import Patience, patience
from xds_server.mirror import parse, serialize
from xds_server.protos import route
from xds_server.resource import ResourceType

HERE = "virtual_hosts[0].routes[0]"
ORIGINS = {
    "": "m.yaml:1:1",
    f"{HERE}.route.timeout": "m.yaml:2:2",
    f"{HERE}.route.retry_policy": "m.yaml:3:3",
    "virtual_hosts[0].retry_policy": "m.yaml:4:4",
}
RETRIES = route.RetryPolicy(
    retry_on="5xx,retriable-status-codes",
    num_retries=3,
    retriable_status_codes=[409],
    per_try_timeout=timedelta(seconds=2),
)


def found(host: Any = None, **action: Any) -> Patience:
    only = route.Route(
        match=route.RouteMatch(prefix="/"), route=route.RouteAction(cluster="c", **action)
    )
    config = route.RouteConfiguration(
        name="t",
        virtual_hosts=[
            route.VirtualHost(name="h", domains=["*"], routes=[only], retry_policy=host)
        ],
    )
    message = parse(route.RouteConfiguration, serialize(config))
    table = Piece(ResourceType.ROUTE, "t", "1", message, ORIGINS)
    first = message.virtual_hosts[0]
    return patience(table, first, "virtual_hosts[0]", first.routes[0], HERE)


def test_a_route_waits_as_long_as_it_says_else_15_seconds() -> None:
    assert (found().timeout, found().given) == (15.0, False)
    said = found(timeout=timedelta(seconds=0.3))
    assert (said.timeout, said.given, said.timeout_place) == (0.3, True, "m.yaml:2:2")
    assert found(timeout=timedelta(0)).timeout is None


def test_a_route_tries_as_often_as_it_says() -> None:
    assert found().tries == 1
    of = found(retry_policy=RETRIES)
    assert (of.tries, of.per_try, of.retries_place) == (4, 2.0, "m.yaml:3:3")
    assert of.retry_on == ("5xx", "409")
    assert found(retry_policy=route.RetryPolicy(retry_on="reset")).tries == 2
    assert found(retry_policy=route.RetryPolicy(num_retries=3)).tries == 1  # for nothing


def test_else_its_virtual_host_says_it() -> None:
    of = found(host=RETRIES)
    assert (of.tries, of.retries_place) == (4, "m.yaml:4:4")
    assert found(host=RETRIES, retry_policy=route.RetryPolicy(retry_on="5xx")).tries == 2


def test_streams_may_be_bounded() -> None:
    longest = route.RouteActionMaxStreamDuration(max_stream_duration=timedelta(seconds=9))
    assert found(max_stream_duration=longest).longest == 9.0
