"""Requests go out at their times, and their times run from there: against real servers."""

from __future__ import annotations

import pytest

from mini_mesh.load.load import Load, edge
from mini_mesh.load.result import Result
from mini_mesh.load.sender import send
from mini_mesh.ports import Ports
from tests.mini_mesh.load.serving import OK, serving


async def sent(address: str, **options: object) -> Result:
    usual = {"rate": 200.0, "seconds": 0.5, "connections": 4}
    load = Load((edge(f"http://{address}/"),), **{**usual, **options})  # type: ignore[arg-type]
    return await send(load)


async def test_all_that_is_due_is_sent_and_answered() -> None:
    async with serving(lambda n: (0.0, OK)) as address:
        result = await sent(address)
    assert result.whole.statuses == {200: 100}
    assert not result.whole.errors
    assert 0 < result.whole.latency.quantile(0.5) < 50e6


async def test_a_stall_shows_in_each_request_that_would_have_met_it() -> None:
    """One answer takes 0.3 s, on the only connection: the 60 requests that were due meanwhile have
    waited, on average half of it. Whoever counts from the sending sees one slow request of 100."""
    async with serving(lambda n: (0.3 if n == 10 else 0.0, OK)) as address:
        result = await sent(address, connections=1)
    slow = [sum(n for ns, n in of.ordered() if ns > 50e6) for of in
            (result.whole.latency, result.whole.service)]  # fmt: skip
    assert slow[0] >= 45
    assert slow[1] <= 5
    assert result.behind >= 45


async def test_a_slow_service_does_not_slow_the_load_down() -> None:
    async with serving(lambda n: (0.1, OK)) as address:
        result = await sent(address, connections=60)
    assert result.whole.statuses == {200: 100}
    assert result.seconds < 1.0


async def test_the_warm_up_does_not_count() -> None:
    async with serving(lambda n: (0.0, OK)) as address:
        result = await sent(address, warm_up=0.25)
    assert result.whole.answered == 100


async def test_what_closes_is_opened_again() -> None:
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    async with serving(lambda n: (0.0, closing), close=True) as address:
        result = await sent(address)
    assert result.whole.statuses == {200: 100}


async def test_a_body_may_end_with_the_connection() -> None:
    async with serving(lambda n: (0.0, b"HTTP/1.1 200 OK\r\n\r\nabc"), close=True) as address:
        result = await sent(address)
    assert result.whole.statuses == {200: 100}


async def test_a_connection_that_is_cut_is_an_error() -> None:
    async with serving(lambda n: (0.0, b"HTTP/1.1 200 OK\r\nconte"), close=True) as address:
        result = await sent(address)
    assert result.whole.errors.total() == 100
    assert set(result.whole.errors) <= {"connection closed", "connection reset"}


async def test_what_is_no_http_is_an_error() -> None:
    async with serving(lambda n: (0.0, b"nothing like it\r\n\r\n")) as address:
        result = await sent(address)
    assert result.whole.errors == {"no HTTP": 100}


async def test_nobody_waits_for_an_answer_longer_than_the_timeout() -> None:
    async with serving(lambda n: (30.0, OK)) as address:
        result = await sent(address, timeout=0.3, rate=20.0, connections=20)
    assert result.whole.errors["timeout"] == 10


async def test_nobody_at_home_is_an_error_of_each_request() -> None:
    ports = Ports()
    port = ports.take()
    ports.release(port)
    result = await sent(f"127.0.0.1:{port}", connections=2)
    assert result.whole.errors.total() == 100
    assert not result.whole.answered


async def test_edges_take_turns() -> None:
    async with serving(lambda n: (0.0, OK)) as one, serving(lambda n: (0.0, OK)) as other:
        edges = (edge(f"http://{one}/", name="one"), edge(f"http://{other}/", name="other"))
        result = await send(Load(edges, 100.0, 0.4, 4))
    assert {each.name: each.answered for each in result.edges} == {"one": 20, "other": 20}


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
async def test_the_generator_knows_its_own_lag(arrivals: str) -> None:
    async with serving(lambda n: (0.0, OK)) as address:
        result = await sent(address, arrivals=arrivals)
    assert result.lag.total + result.behind == result.whole.requests
