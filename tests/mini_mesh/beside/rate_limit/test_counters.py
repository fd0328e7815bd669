"""Counters in memory, and in a store that may be away."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path

import pytest

from mesh_patterns.rate_limits.decision import Count
from mini_mesh.beside.rate_limit import counters
from mini_mesh.beside.rate_limit.counters import Counters, CountersError, InMemory, redis
from mini_mesh.beside.unary import Refused

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("redis") is None, reason="needs the package 'redis'"
)


async def counted(made: Counters, *counts: Count) -> Sequence[int]:
    found = made.add(counts)
    return await found if isinstance(found, Awaitable) else found


async def test_what_is_added_is_there() -> None:
    made = InMemory()
    assert await counted(made, Count("a", 60, 1), Count("b", 60, 5)) == [1, 5]
    assert await counted(made, Count("a", 60, 2), Count("b", 60, 0)) == [3, 5]


async def test_counters_are_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MAX_COUNTERS", 3)
    made = InMemory()
    for name in "abc":
        await counted(made, Count(name, 60, 1))
    with pytest.raises(Refused, match="3 counters are in use"):
        await counted(made, Count("d", 60, 1))


async def test_a_thousand_counters_cost_no_more_each() -> None:
    made = InMemory()
    made.add([Count(str(i), 60, 1) for i in range(20_000)])
    start = time.process_time()
    made.add([Count(str(i), 60, 1) for i in range(1000)])
    assert time.process_time() - start < 0.5  # of the library's own for asyncio: 5 s


def test_a_store_s_address_is_one_of_redis() -> None:
    with pytest.raises(CountersError, match=r"expected redis://HOST:PORT, got 'http://x'"):
        redis("http://x")


@needs_library
async def test_a_store_that_is_away_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        made = redis(f"redis://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(Refused, match="the store: ") as refused:
            await counted(made, Count("a", 60, 1))
    assert refused.value.status == 14


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    path = tmp_path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        while not path.exists():
            time.sleep(0.01)
        yield f"redis+unix://{path}"
        server.terminate()


@needs_library
async def test_what_two_add_to_a_store_is_added_up(store: str) -> None:
    one, other = redis(store), redis(store)
    assert await counted(one, Count("a", 60, 2)) == [2]
    assert await counted(other, Count("a", 60, 1)) == [3]
