"""What storing and asking cost: exchanges of 23 headers with bodies of 2 KiB.

    .venv/bin/python bench/tap/store.py [--rounds N] [--million]

Microseconds of one core for an exchange, written in commits of 500, the best of the rounds: CPU
time, so that a busy disk or neighbour does not count, and elapsed time. ``--million`` stores
1,000,000 (with bodies that repeat) and asks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response
from tap.language.match import read_match
from tap.store import Limits, Reader, Store

CPU = time.process_time
COUNT = 20_000
BATCH = 500
FILL = b"0123456789abcdef" * 128  # 2 KiB
REQUEST_HEADERS = [(f"x-request-header-{at}", f"value of header {at}") for at in range(12)]
RESPONSE_HEADERS = [(f"x-response-header-{at}", f"value of header {at}") for at in range(11)]
QUESTIONS = (
    "service == reviews & status >= 500",
    "status >= 500",
    "latency > 900ms",
    "flags ~ 'circuit breaker'",
    "request_id == 8c5d2d6e-1b5a-4f0b-9d0e-000000500000",
    "path ~ ^/reviews/77$ & version == v2",
    "header x-response-header-3 ~ nothing & status == 503",
)


def body(at: int, of: int | None) -> Body:
    """2 KiB that are their own, or one of ``of``."""
    mark = b"%016d" % (at if of is None else at % of)
    return Body(mark + FILL[16:], False, len(FILL))


def exchange(at: int, request_body: Body, response_body: Body) -> Exchange:
    failed = at % 200 == 0
    version = "v2" if at % 4 else "v1"
    return Exchange(
        id=f"{at:04x}",
        node="productpage-v1",
        request=Request(
            "GET",
            f"/reviews/{at % 1000}",
            "reviews:9080",
            "http",
            Headers(tuple(REQUEST_HEADERS)),
            request_body,
        ),
        response=Response(503 if failed else 200, Headers(tuple(RESPONSE_HEADERS)), response_body),
        request_id=f"8c5d2d6e-1b5a-4f0b-9d0e-{at:012d}",
        direction="outbound",
        source=Endpoint("productpage", "v1", f"127.0.0.1:{at % 28_000 + 32_000}"),
        destination=Endpoint("reviews" if at % 3 else "details", version, "127.0.0.1:9081"),
        started=1_700_000_000 + at / 1000,
        duration=at % 1000 / 1000,
        route="reviews",
        cluster=f"reviews-{version}",
        flags=("UO",) if at % 1000 == 0 else (),
        attempts=1,
    )


def batches(count: int, make: Callable[[int], Exchange]) -> Iterator[list[Exchange]]:
    for start in range(0, count, BATCH):
        yield [make(at) for at in range(start, start + BATCH)]


def write(path: Path, count: int, make: Callable[[int], Exchange], limits: Limits) -> float:
    """CPU and elapsed microseconds an exchange, without the making of exchanges."""
    store = Store(path, limits)
    cpu = elapsed = 0.0
    for batch in batches(count, make):
        before, began = CPU(), time.perf_counter()
        store.add(batch)
        cpu, elapsed = cpu + CPU() - before, elapsed + time.perf_counter() - began
    kept = store.close()
    assert kept.stored == count, kept
    ELAPSED.append(elapsed / count * 1e6)
    return cpu / count * 1e6


ELAPSED: list[float] = []
NONE = Body()
CASES: dict[str, Callable[[int], Exchange]] = {
    "no bodies": lambda at: exchange(at, NONE, NONE),
    "a response's body, new each time": lambda at: exchange(at, NONE, body(at, None)),
    "both bodies, new each time": lambda at: exchange(
        at, body(2 * at, None), body(2 * at + 1, None)
    ),
    "both bodies, of 50": lambda at: exchange(at, body(at, 50), body(at + 7, 50)),
}


def writing(rounds: int) -> None:
    took = min(timeit.repeat(lambda: blake2b(FILL).digest(), number=2_000, repeat=20, timer=CPU))
    print(f"for comparison, blake2b of 2 KiB {'':17} {took / 2_000 * 1e6:6.1f} µs CPU")
    unlimited = Limits(None, None, None)
    cases = [(name, make, unlimited) for name, make in CASES.items()]
    at_limit = "a response's body, new each time"
    cases.append((f"{at_limit}; the limit reached", CASES[at_limit], Limits(None, None, 2_000)))
    for name, make, limits in cases:
        best, ELAPSED[:] = float("inf"), []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                best = min(best, write(Path(folder, "tap.store"), COUNT, make, limits))
        print(f"{name:50} {best:6.1f} µs CPU {min(ELAPSED):6.1f} µs elapsed", flush=True)


def asking() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tap.store")
        write(path, 1_000_000, CASES["both bodies, of 50"], Limits(None, None, None))
        print(f"1,000,000 exchanges   {path.stat().st_size / 2**20:,.0f} MiB")
        with Reader(path) as reader:
            for question in QUESTIONS:
                match = read_match(question)
                began = time.perf_counter()
                first = next(iter(reader.query(match, limit=100)), None)
                newest = time.perf_counter() - began
                began = time.perf_counter()
                count = sum(1 for _ in reader.query(match, bodies=False))
                every = time.perf_counter() - began
                assert count or first is None
                print(
                    f"{question:52} newest 100: {newest:5.2f} s   all {count:>6,}: {every:5.2f} s"
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true")
    chosen = parser.parse_args()
    writing(chosen.rounds)
    if chosen.million:
        asking()
