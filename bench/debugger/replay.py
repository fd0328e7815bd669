"""What replays cost: comparing two responses, sending, and the whole command.

    .venv/bin/python bench/debugger/replay.py

Comparing: the median of 21. Sending: 300 replays one after the other to a server in this process,
and the same requests by the bare HTTP client, in turns; medians. The command: medians of 7 runs
beside ``meshloom --help``. Hostile: the longest of a few pairs that are made to take long.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
from aiohttp import web

from debugger.replay.replays import replays
from debugger.replay.request.edit import Edit
from debugger.replay.sending import Sender
from debugger.replay.target import target_of
from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.compare import Rules, compare
from tap.redact import Redactor
from tap.store import Limits, Store

ROUNDS, REPLAYS, RUNS = 21, 300, 7
RECORD = {"id": 17, "name": "reviews", "stars": [5, 4, None], "text": "A comedy of errors. " * 4}


def exchange(data: bytes, kind: str) -> Exchange:
    request = Request("GET", "/a.B/C", "shop", headers=Headers.of({"accept": "*/*"}))
    headers = Headers.of({"content-type": kind, "server": "envoy"})
    response = Response(200, headers, Body(data, size=len(data)))
    to = Endpoint("shop", "v1", "127.0.0.1:1")
    return Exchange(
        "1", "ingress", request, response, "x", "ingress", destination=to, sources=("tap",)
    )


def records(count: int, stars: int = 5) -> Exchange:
    return exchange(json.dumps([{**RECORD, "stars": stars}] * count).encode(), "application/json")


def text(count: int, word: str = "x") -> Exchange:
    return exchange("\n".join(f"{word} {at}" for at in range(count)).encode(), "text/plain")


def took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def comparing() -> None:
    rules = Rules.of(["$..id", "header:x-a"])
    for name, one, other in (
        ("JSON, 1 record, one difference", records(1), records(1, 4)),
        ("JSON, 100 records, the same", records(100), records(100)),
        ("JSON, 100 records, 100 differences", records(100), records(100, 4)),
        ("JSON, 1 MiB, 6,000 records, one longer", records(6_000), records(6_001)),
        ("text, 1,000 lines, all other", text(1_000), text(1_000, "y")),
    ):
        seconds = [took(lambda a=one, b=other: compare(a, b, rules)) for _ in range(ROUNDS)]
        print(f"{name:44} {statistics.median(seconds) * 1000:8.2f} ms")


def hostile() -> None:
    pairs = {
        "lines that align in many ways": (["x", "y"] * 100, ["y", "x", "x"] * 66),
        "half a million lines": (["x"] * 500_000, ["y"] * 500_000),
    }
    seconds = {
        name: took(
            lambda a=a, b=b: compare(
                exchange("\n".join(a).encode(), "text/plain"),
                exchange("\n".join(b).encode(), "text/plain"),
                Rules.of(),
            )
        )
        for name, (a, b) in pairs.items()
    }
    names = [[f"n{at}", "x"] for at in range(60_000)]
    one, other = (
        exchange(json.dumps(it).encode(), "application/json") for it in (names, names[::-1])
    )
    seconds["60,000 fields in another order"] = took(lambda: compare(one, other, Rules.of()))
    deep = exchange(b"[" * 500_000, "application/json")
    seconds["500,000 brackets"] = took(lambda: compare(deep, records(1), Rules.of()))
    for name, took_ in seconds.items():
        print(f"{name:44} {took_ * 1000:8.0f} ms")


async def sending() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.json_response([RECORD] * 10, headers={"server": "envoy"})

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    captured = replace(records(10), id="1")
    target = target_of(f"http://127.0.0.1:{port}", captured, None)
    bare, whole = [], []
    async with Sender() as sender, aiohttp.ClientSession() as session:
        redact, rules = Redactor(), Rules.of()
        for _ in range(REPLAYS):
            began = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/a.B/C") as came:
                await came.read()
            bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            async for _ in replays(sender, captured, Edit(), target, redact, rules):
                whole.append(time.perf_counter() - began)
    await runner.cleanup()
    for name, seconds in (("bare request", bare), ("replay, redacted and compared", whole)):
        print(f"{name:44} {statistics.median(seconds) * 1000:8.2f} ms")


def command() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "x.tap"
        with closing(Store(store, Limits(None, None, None))) as opened:
            opened.add([records(10)])
        program = [sys.executable, "-m", "meshloom"]
        replay = [*program, "debug", "replay", "1", "--store", str(store), "--to"]
        for name, arguments in (
            ("meshloom --help", [*program, "--help"]),
            ("meshloom debug replay, nobody answers", [*replay, "http://127.0.0.1:1"]),
            ("meshloom debug replay --to wasm:", [*replay, "wasm:meshloom:header_policy"]),
        ):
            seconds = [
                took(lambda a=arguments: subprocess.run(a, capture_output=True, env=os.environ))
                for _ in range(RUNS)
            ]
            print(f"{name:44} {statistics.median(seconds) * 1000:8.0f} ms")


if __name__ == "__main__":
    comparing()
    hostile()
    asyncio.run(sending())
    command()
