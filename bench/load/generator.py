"""What the load generator can do by itself: its timing error, and the most that one core sends.

    .venv/bin/python bench/load/generator.py [--seconds 3] [RATE …]

It sends to a server that answers at once, in a process of its own. ``late`` is how long after its
time a request was sent; ``p50`` and ``p99`` are the latencies that it told.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mini_mesh.load.load import Load, edge
from mini_mesh.load.process import drive

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
RATES = (100.0, 1000.0, 5000.0, 10_000.0, 15_000.0)


class Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(OK * data.count(b"\r\n\r\n"))


async def measure(rates: list[float], seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    print(f"{'asked/s':>9}{'sent/s':>9}{'late p50':>10}{'p99':>8}{'p50':>8}{'p99 ms':>8}  waited")
    for rate in rates:
        result = await drive(Load((edge(url),), rate, seconds, 32, warm_up=0.5))
        times = [result.lag, result.lag, result.whole.latency, result.whole.latency]
        told = [
            each.quantile(share) / 1e6
            for each, share in zip(times, (0.5, 0.99, 0.5, 0.99), strict=True)
        ]
        numbers = f"{told[0]:10.2f}{told[1]:8.2f}{told[2]:8.2f}{told[3]:8.2f}"
        print(f"{rate:9,.0f}{result.actual_rate:9,.0f}{numbers}  {result.behind:,}")
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rates", nargs="*", type=float, default=RATES)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    asyncio.run(measure(list(given.rates), given.seconds))


if __name__ == "__main__":
    main()
