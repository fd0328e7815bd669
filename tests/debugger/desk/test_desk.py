"""Breakpoints on live requests, at real Envoys: what is changed arrives, and what is held ends."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp
import grpc
import pytest

from debugger.gate.edit import EditError
from debugger.gate.gate import GateError
from debugger.gate.hold import Missed, Released
from mesh_traffic import Response
from meshloom.testing import LiveMesh, breakpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(response: Response) -> dict[str, Any]:
    """What the upstream says that it got."""
    found: dict[str, Any] = json.loads(response.body.data)
    return {**found, "headers": dict(found["headers"])}


def asking(live: LiveMesh, method: str = "GET", **more: Any) -> asyncio.Task[Response]:
    return asyncio.create_task(live.request(method, "/a", **more))


async def test_each_phase_can_be_looked_at_and_changed(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress when header plan == team") as hits:
        fields = {"plan": "team", "authorization": "Bearer abcdef123456"}
        asked = asking(live, "POST", headers=fields, body=b"ask")
        held = await hits.next()
        assert held.exchange.request.path == "/a"
        assert held.exchange.cluster == "web"
        held = await held.step(headers={":path": "/b", "x-new": "1"}, remove=["plan"])
        assert held.exchange.request.body.data == b"ask"
        held = await held.step(body=b"something longer")
        assert held.exchange.status == 200
        held = await held.step(headers={":status": "201", "x-by": "me"})
        assert held.exchange.response is not None
        upstream = json.loads(held.exchange.response.body.data)
        held.go_on(body=json.dumps(upstream | {"edited": True}).encode())
        answer = await asked
    assert (answer.status, answer.headers.get("x-by")) == (201, "me")
    got = said(answer)
    assert got["path"] == "/b"
    assert got["headers"]["x-new"] == "1"
    assert "plan" not in got["headers"]
    assert got["headers"]["authorization"] == "Bearer abcdef123456"
    assert got["headers"]["content-length"] == "16"
    assert got["body"]["length"] == 16
    assert got["edited"] is True


async def test_a_request_is_held_where_its_caller_sends_it_by_whatever_name(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress -> web", limit=1) as hits:
        asked = asking(live)  # by the address of the ingress
        held = await hits.next()
        assert held.exchange.destination.service == "web"
        held.go_on()
        assert (await asked).status == 200


async def test_a_body_can_be_given_before_the_own_one_has_come(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress", limit=1) as hits:
        asked = asking(live, "POST", body=b"x" * 50_000)
        (await hits.next()).go_on(body=b"short")
        assert said(await asked)["body"]["length"] == 5


async def test_the_response_of_an_upstream_can_be_replaced_whole(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress when phase == response", limit=1) as hits:
        asked = asking(live)
        (await hits.next()).go_on(headers={"content-type": "text/plain"}, body=b"instead")
        answer = await asked
    assert (answer.status, answer.body.data) == (200, b"instead")
    assert answer.headers.get("content-length") in (None, "7")


async def test_a_hold_outlives_a_route_timeout(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress", limit=1) as hits:
        asked = asking(live)
        held = await hits.next()
        await asyncio.sleep(1.3)  # the route's is 1 s
        held.go_on()
        assert (await asked).status == 200


@pytest.mark.parametrize("status", [418, 503])
@pytest.mark.parametrize("phase", ["request", "request-body", "response", "response-body"])
async def test_anybody_can_be_answered_in_any_phase(
    live: LiveMesh, phase: str, status: int
) -> None:
    async with breakpoint(live, f"ingress when phase == {phase}", limit=1) as hits:
        asked = asking(live, "POST", body=b"x")
        (await hits.next()).abort(status, b"no", **{"x-by": "me"})
        answer = await asked
    assert (answer.status, answer.body.data) == (status, b"no")
    assert answer.headers.get("x-by") == "me"


@pytest.mark.parametrize(("on_end", "status"), [("open", 200), ("closed", 503)])
async def test_nobody_waits_longer_than_the_lease(live: LiveMesh, on_end: str, status: int) -> None:
    async with breakpoint(live, "ingress", lease=0.3, on_end=on_end, limit=1) as hits:
        asked = asking(live)
        held = await hits.next()
        assert (await asked).status == status
        with pytest.raises(GateError, match="is held"):
            held.go_on()


async def test_the_end_of_a_breakpoint_lets_go(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress") as hits:
        asked = asking(live)
        await hits.next()
    assert (await asked).status == 200


async def test_a_client_that_hangs_up_is_told(live: LiveMesh) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    async with breakpoint(live, "ingress") as hits:
        asked = asking(live)
        held = await hits.next()
        with live.desk.listening(events.put_nowait):
            asked.cancel()
            async with asyncio.timeout(5):
                event = await events.get()
    assert isinstance(event, Released)
    assert (event.id, event.how, event.goes_on) == (held.held.id, "gone", False)


async def test_a_client_that_hangs_up_between_two_phases_is_told(live: LiveMesh) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    async with breakpoint(live, "ingress", limit=1) as hits, breakpoint(live, "api") as slow:
        asked = asking(live)
        held = await hits.next()
        with live.desk.listening(events.put_nowait):
            stepping = asyncio.create_task(held.step())
            await slow.next()
            asked.cancel()
            async with asyncio.timeout(5):
                while not isinstance(event := await events.get(), Missed):
                    pass
            stepping.cancel()
    assert event.why == "it ended before its next phase"


async def test_what_is_not_meant_does_not_even_come_to_the_gate(live: LiveMesh) -> None:
    seen = []
    receive = live.desk.gate.receive

    def counting(key: object, data: bytes, now: float) -> Any:
        seen.append(key)
        return receive(key, data, now)

    live.desk.gate.receive = counting  # type: ignore[method-assign]
    try:
        async with breakpoint(live, "ingress when ~m GET and header plan == team and path == /a"):
            for fields in ({"plan": "other"}, {}):
                assert (await asking(live, headers=fields)).status == 200
            assert seen == []
            async with breakpoint(live, "ingress when path ~ zzz"):
                assert (await asking(live)).status == 200
            assert len(seen) == 1  # a regular expression is the gate's to look at
    finally:
        del live.desk.gate.receive  # type: ignore[method-assign]


async def test_an_edit_that_would_be_no_message_is_refused_and_nothing_is_lost(
    live: LiveMesh,
) -> None:
    async with breakpoint(live, "ingress", limit=1) as hits:
        asked = asking(live)
        held = await hits.next()
        for fields in ({"a b": "1"}, {":path": "no slash"}, {"x": "1\r\ny: 2"}, {":status": "200"}):
            with pytest.raises(EditError):
                held.go_on(headers=fields)
        held.go_on()
        assert (await asked).status == 200


async def test_a_body_over_envoys_limit_is_shown_cut_and_goes_on_whole(live: LiveMesh) -> None:
    async with breakpoint(live, "ingress when phase == request-body", limit=1) as hits:
        asked = asking(live, "POST", body=io.BytesIO(b"x" * 5_000_000))
        held = await hits.next()
        assert not held.held.whole
        assert held.exchange.request.body.truncated
        held.go_on()
        assert said(await asked)["body"]["length"] == 5_000_000


async def test_a_call_by_grpc_is_held_in_each_phase_and_changed(live: LiveMesh) -> None:
    address = live.address("rpc").removeprefix("http://")
    async with (
        grpc.aio.insecure_channel(address) as channel,
        breakpoint(live, "rpc", limit=1) as hits,
    ):
        asked = asyncio.ensure_future(_call(channel))
        held = await (await hits.next()).step()
        assert held.exchange.request.body.data == b"\0\0\0\0\x04\n\x02hi"
        held = await (await held.step()).step()
        assert held.held.whole  # trailers follow
        held.go_on(body=b"\0\0\0\0\x02ok")
        assert await asked == b"ok"


async def test_a_call_by_grpc_is_answered_in_its_own_words(live: LiveMesh) -> None:
    address = live.address("rpc").removeprefix("http://")
    async with (
        grpc.aio.insecure_channel(address) as channel,
        breakpoint(live, "rpc", limit=1) as hits,
    ):
        asked = asyncio.ensure_future(_call(channel))
        (await hits.next()).abort(503, b"what if")
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await asked
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert failed.value.details() == "what if"


async def _call(channel: grpc.aio.Channel) -> bytes:
    answer: bytes = await channel.unary_unary("/tests.Echo/Say")(b"\n\x02hi", timeout=10)
    return answer


async def test_a_thousand_are_held_and_others_pass(live: LiveMesh) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        breakpoint(live, "ingress when header plan == team") as hits,
        aiohttp.ClientSession(connector=connector) as session,
    ):

        async def ask() -> int:
            async with session.get(f"{live.ingress}/a", headers={"plan": "team"}) as answer:
                await answer.read()
                return answer.status

        asked = [asyncio.create_task(ask()) for _ in range(1000)]
        held = [await hits.next(30) for _ in range(1000)]
        assert len(live.desk.gate.holds) == 1000
        assert (await asking(live)).status == 200
        for each in held:
            each.go_on()
            await asyncio.sleep(0.003)  # the upstream has a second for each
        assert set(await asyncio.gather(*asked)) == {200}


async def test_a_change_of_the_files_leaves_breakpoints_where_they_are(live: LiveMesh) -> None:
    async with breakpoint(live, "web", limit=1) as hits:
        await live._running.change(live._running.draft)
        live.desk.learn(live.desk.gate.topology)
        asked = asking(live)
        (await hits.next()).go_on()
        assert (await asked).status == 200


async def test_a_gate_that_dies_holds_nothing(live: LiveMesh) -> None:
    for on_end, status in (("open", 200), ("closed", 500)):
        async with breakpoint(live, "ingress", on_end=on_end) as hits:
            asked = asking(live)
            await hits.next()
            for connection in tuple(live.desk._door._connections):
                assert connection._transport is not None
                connection._transport.abort()
            assert (await asked).status == status
