"""The service as a mesh runs it: a process that is told, dies, comes back and goes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from mini_mesh.beside.rate_limit.limiter import SHOULD_RATE_LIMIT
from mini_mesh.beside.rate_limit.service import RateLimit
from mini_mesh.events import Event, Exited, Restarted
from tests.mesh_patterns.rate_limits.configs import MAIL, read
from tests.mini_mesh.beside.rate_limit.test_limiter import ADVERT, OK, OVER, question
from xds_server.mirror import parse
from xds_server.protos import rate_limit_service as messages

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s.sock", options=options) as made:
        yield made


async def code(channel: grpc.aio.Channel) -> int:
    asked = question("mail", ADVERT).SerializeToString()
    answer = await channel.unary_unary(SHOULD_RATE_LIMIT)(asked, wait_for_ready=True, timeout=15)
    return int(parse(messages.RateLimitResponse, answer).overall_code)


async def test_it_follows_its_rules_and_comes_back_when_it_dies(
    tmp_path: Path, channel: grpc.aio.Channel
) -> None:
    events: list[Event] = []
    back = asyncio.Event()

    def heard(event: Event) -> None:
        events.append(event)
        if isinstance(event, Restarted):
            back.set()

    service = RateLimit(heard)
    service.tell(read(MAIL))
    await service.start(tmp_path / "s.sock")
    await service.ready()
    assert [await code(channel) for _ in range(6)] == [OK] * 5 + [OVER]
    service.tell(read(MAIL.replace("requests_per_unit: 5", "requests_per_unit: 7")))
    await service.ready()
    assert await code(channel) == OK
    assert service.pid is not None
    os.kill(service.pid, signal.SIGKILL)
    async with asyncio.timeout(15):
        await back.wait()
    assert any(isinstance(event, Exited) for event in events)
    assert await code(channel) == OK  # what it had counted is gone, its rules are not
    await service.stop()
    assert not (tmp_path / "s.sock").exists()
    await service.stop()
