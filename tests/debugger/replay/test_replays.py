"""Replays: sent to a real server, compared, counted."""

from __future__ import annotations

import pytest

from debugger.replay.replays import KEPT, Replay, replayed, replays
from debugger.replay.request.edit import Edit
from debugger.replay.sending import Sender
from debugger.replay.spread import Spread
from debugger.replay.target import target_of
from mesh_traffic import Exchange, replace
from tap.compare import Rules
from tap.redact import Redactor
from tests.debugger.replay.captures import GET, STATE, having
from tests.debugger.replay.servers import OK, raw

BAD = OK.replace(b"200 OK", b"503 No").replace(b"X-A: 1\r\nx-a: \xff\r\n", b"server: envoy\r\n")
SAME = b"HTTP/1.1 200 OK\r\nserver: envoy\r\ncontent-length: 1\r\n\r\na"
LEAKS = b"HTTP/1.1 200 OK\r\nset-cookie: session=abcdefghijkl\r\ncontent-length: 1\r\n\r\na"


async def several(exchange: Exchange, times: int, *answers: bytes) -> list[Replay]:
    async with raw(*answers) as server, Sender() as sender:
        target = target_of(f"http://127.0.0.1:{server.port}", exchange, None)
        sending = replays(sender, exchange, Edit(), target, Redactor(), Rules.of(), times=times)
        return [each async for each in sending]


async def test_each_has_an_id_of_its_own_and_is_compared() -> None:
    same, other, _ = await several(GET, 3, SAME, BAD)
    assert same.comparison.same
    assert [each.place for each in other.differences] == ["status", "body line 1"]
    assert len({same.request_id, other.request_id, GET.request_id}) == 3
    assert same.request.headers.get("x-request-id") == same.request_id
    assert same.request.authority.startswith("127.0.0.1:")


async def test_what_is_shown_has_no_secret_and_the_answer_is_whole() -> None:
    (replay,) = await several(GET, 1, LEAKS)
    assert replay.response.headers.get("set-cookie") == "session=abcdefghijkl"
    assert "abcdefghijkl" not in str(replay.shown) + str(replay.comparison)


async def test_of_many_answers_only_the_first_are_kept() -> None:
    found = await several(GET, KEPT + 2, SAME)
    assert [bool(each.response.body.data) for each in found] == [True] * KEPT + [False] * 2
    assert all(each.comparison.same for each in found)


async def test_how_answers_spread() -> None:
    found = await several(GET, 4, SAME, BAD, b"", SAME)
    assert [each.status for each in found] == ["200", "503", "no answer", "200"]
    seen = [replace(GET)] * 2 + [None] * 2
    found = [
        Replay(*(getattr(each, name) for name in PARTS), one)
        for each, one in zip(found, seen, strict=True)
    ]
    spread = Spread.of(found)
    assert spread.statuses == {"200": 2, "503": 1, "no answer": 1}
    assert spread.versions == {"web v1": 2, "not seen": 2}
    assert (spread.differing, spread.places["status"]) == (2, 1)
    assert spread.as_json()["milliseconds"].keys() == {"fastest", "median", "slowest"}


PARTS = (
    "original", "target", "sent", "answer", "shown", "comparison", "request_id", "began"
)  # fmt: skip


async def test_without_questions_what_can_t_be_sent_is_an_error() -> None:
    masked = Redactor()(having(("authorization", "Bearer abcdefghijkl")))
    with pytest.raises(ValueError, match="000f: masked in the capture: authorization"):
        await replayed(masked, Edit(), "live", STATE, Rules.of())
    async with raw(b"") as server:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(ValueError, match="000f: no answer: the connection was closed"):
            await replayed(GET, Edit(), url, STATE, Rules.of())
        server.answers[:] = [SAME]
        assert (await replayed(GET, Edit(), url, STATE, Rules.of())).response.status == 200
