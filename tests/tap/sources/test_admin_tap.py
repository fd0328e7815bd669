"""The door to a real Envoy's /tap."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing
from typing import Any

import pytest

from tap.sources import admin_tap
from tap.sources.admin_tap import AdminTap
from tap.sources.source import Attached, Chunk, Lost, SourceEvent
from tap.traces.request import TapRequest
from tests.tap.watched import ask


async def first(source: AdminTap) -> SourceEvent:
    async with asyncio.timeout(5), aclosing(source.events()) as events:
        return await anext(events)


async def test_it_attaches_yields_bytes_and_lets_go(envoy: Any) -> None:
    for _ in range(5):
        source = AdminTap(envoy.target.admin, TapRequest())
        async with asyncio.timeout(5), aclosing(source.events()) as events:
            while not isinstance(event := await anext(events), Attached):
                assert event == Lost("another tap session holds it, and Envoy allows one")
            await ask(envoy.outbound, "/")
            chunk = await anext(events)
        assert isinstance(chunk, Chunk)
        assert chunk.data.startswith(b'{\n "http_buffered_trace": {')


async def test_a_config_id_that_no_listener_has_is_named(envoy: Any) -> None:
    source = AdminTap(envoy.target.admin, TapRequest(config_id="other"))
    assert await first(source) == Lost("none of its listeners has a tap filter")


async def test_a_nudge_ends_the_wait(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    monkeypatch.setattr(admin_tap, "FIRST_PAUSE", 60.0)
    admin = f"127.0.0.1:{unused_tcp_port}"
    source = AdminTap(admin, TapRequest())
    async with asyncio.timeout(5), aclosing(source.events()) as events:
        for _ in range(3):
            assert await anext(events) == Lost(f"nothing listens at its admin address {admin}")
            source.nudge()


async def test_an_admin_interface_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin_tap, "ANSWER_WITHIN", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        admin = f"127.0.0.1:{silent.getsockname()[1]}"
        event = await first(AdminTap(admin, TapRequest()))
    assert event == Lost(f"its admin interface at {admin} does not answer")
