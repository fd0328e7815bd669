"""Envoy's own ways to shed load, and to slow down: written, refused, and before a real workload."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path

import pytest

from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.conftest import Read, Refusal
from tests.mesh_patterns.running import Running, running

MESH = """\
mesh: {dataplane: node, services: {page: {calls: [bad]}, bad: , slow: , thin: , few: }}
patterns:
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("pattern: admission_control, on: bad, success: 0.5", "expected at least 1 %"),
        ("pattern: admission_control, on: bad, window: 100ms", "the window is at least 1s"),
        ("pattern: admission_control, on: bad, statuses: [200, 9..3]", "expected a status or"),
        ("pattern: admission_control, on: bad, statuses: ok", "expected a status or a range"),
        ("pattern: admission_control, on: bad, aggression: 0.5", "aggression"),
        ("pattern: admission_control, on: bad, grpc_statuses: [17]", "17"),
        ("pattern: adaptive_concurrency, on: slow, calibrate: 1s, fixed: 1s", "expected one of"),
        ("pattern: adaptive_concurrency, on: slow, update: 0s", "'update' is at least 1ms"),
        ("pattern: adaptive_concurrency, on: slow, status: 418", "Envoy refuses nobody with 418"),
        ("pattern: bandwidth_limit, on: thin, limit: 100", "expected a unit, such as 100KiB/s"),
        ("pattern: bandwidth_limit, on: thin, limit: 1KiB/s, interval: 2s", "expected 20ms to 1s"),
        ("pattern: connection_rate, on: page -> bad, limit: 1/s", "is of a workload"),
        ("pattern: connection_rate, on: few, limit: 1/10ms", "50ms at least"),
    ],
)
def test_what_envoy_would_refuse_is_refused_at_its_line(
    refusal: Refusal, said: str, why: str
) -> None:
    told = refusal(f"{MESH}- {{{said}}}")
    assert told.startswith("3:"), told
    assert why in told


def test_they_stand_where_they_are_put(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: admission_control, on: page -> bad}}\n"
        "- {pattern: connection_rate, on: few, limit: 4/min}\n"
    )
    found = {each.kind: (each.edge, each.layer) for each in draft.filters}
    assert found == {
        "admission_control": (("page", "bad"), "http"),
        "connection_rate": (None, "network"),
    }


SHED = """\
- {pattern: admission_control, on: bad, statuses: 200..499}
- {pattern: adaptive_concurrency, on: slow, fixed: 10ms, update: 20ms, max_limit: 100}
- {pattern: bandwidth_limit, on: thin, limit: 4KiB/s, direction: response, trailers: true}
- {pattern: connection_rate, on: few, limit: 5/h}
"""


@pytest.mark.asyncio
async def test_a_real_envoy_sheds_load(tmp_path: Path) -> None:
    async with running(MESH + SHED, tmp_path) as mesh:
        await _admission(mesh)
        await _concurrency(mesh)
        await _bandwidth(mesh)
        await _connections(mesh)


async def _admission(mesh: Running) -> None:
    """All fail: of 1000 some 800 are refused, and never more than ``max_rejection``."""
    bad = {"x-answer": "500"}
    found: Counter[int] = Counter()
    for _ in range(40):
        sent = (mesh.get("bad", headers=bad) for _ in range(25))
        found += Counter([answer.status for answer in await asyncio.gather(*sent)])
    assert found.keys() == {500, 503}
    assert mesh.upstream.reached["bad"] == found[500]
    assert 150 <= found[500] <= 320, found  # 200 at 80 %, and those before it knew
    refused = await mesh.stat("http.inbound-bad.admission_control.rq_rejected")
    assert refused == found[503]


async def _concurrency(mesh: Running) -> None:
    """Answers that take ten times as long as is well are asked for by ever fewer at a time."""
    wait = {"x-wait": "0.1"}
    found: Counter[int] = Counter()
    for _ in range(12):
        sent = (mesh.get("slow", headers=wait) for _ in range(40))
        found += Counter([answer.status for answer in await asyncio.gather(*sent)])
    assert found.keys() == {200, 503}
    gauge = "http.inbound-slow.adaptive_concurrency.gradient_controller.concurrency_limit"
    assert await mesh.stat(gauge) < 40


async def _bandwidth(mesh: Running) -> None:
    """8 KiB at 4 KiB/s take 1 s: Envoy's bucket is full at first, with what 1 s brings."""
    answer = await mesh.get("thin", headers={"x-one": "x" * 4000, "x-two": "x" * 4000})
    assert answer.status == 200
    assert 0.8 <= answer.seconds <= 2.0


async def _connections(mesh: Running) -> None:
    """Some of the 5 were taken by those who looked whether somebody listens."""
    port = mesh.placement.port("inbound:few")
    before = await mesh.stat("local_rate_limit.meshloom.rate_limited")
    served = [await _served(port) for _ in range(10)]
    assert served == sorted(served, reverse=True)
    assert sum(served) <= 4
    assert await mesh.stat("local_rate_limit.meshloom.rate_limited") >= before + 6


async def _served(port: int) -> bool:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\nhost: few\r\nconnection: close\r\n\r\n")
            await writer.drain()
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
        return False
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
