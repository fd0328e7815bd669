"""What one exchange costs the hub, from an Envoy's bytes to the store, on one core.

    .venv/bin/python bench/tap/hub.py [--rounds N]

The bytes are those of an Envoy: a buffered trace with 23 headers and two bodies of 2 KiB of JSON,
and the entry of its access log. Each step is timed with all before it; the best of the rounds.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Exchange
from tap.access_log import LogReader
from tap.feed import Feed
from tap.redact import Redactor
from tap.store import Store
from tap.topology import Endpoint, Listener, Topology
from xds_server.mirror import mirror_class
from xds_server.protos import access_log_service

COUNT = 2000
BODY = json.dumps({"items": [{"id": n, "name": f"thing {n}", "price": 1.5} for n in range(45)]})
TOPOLOGY = Topology(
    {"127.0.0.1:15001": Listener("web-1", "outbound", "web", "v1")},
    {"127.0.0.1:9080": Endpoint("reviews", "v2")},
)
MORE = {f"x-header-{n}": f"value {n} of some length" for n in range(13)}
START = 1_795_000_000


def address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def message(fields: dict[str, str], moment: str) -> dict[str, object]:
    headers = [{"key": name, "value": value} for name, value in fields.items()]
    body = {"truncated": False, "as_bytes": base64.b64encode(BODY[:2048].encode()).decode()}
    return {"headers": headers, "body": body, "headers_received_time": moment}


def trace(number: int) -> bytes:
    request = {
        ":method": "POST", ":path": f"/reviews/{number}", ":authority": "reviews",
        ":scheme": "http", "content-type": "application/json", "user-agent": "bench",
        "x-request-id": f"id-{number}", **MORE,
    }  # fmt: skip
    response = {":status": "200", "content-type": "application/json", "server": "envoy"}
    made = {
        "http_buffered_trace": {
            "request": message(request, "2026-11-18T06:40:00.000100Z"),
            "response": message(response, "2026-11-18T06:40:00.004200Z"),
            "downstream_connection": {
                "local_address": address(15001), "remote_address": address(40000),
            },
            "upstream_connection": {
                "local_address": address(50000), "remote_address": address(9080),
            },
        }
    }  # fmt: skip
    return json.dumps(made, indent=1).encode() + b"\n"


def log_message(first: int, entries: int) -> bytes:
    made = mirror_class(access_log_service.StreamAccessLogsMessage)()
    for number in range(first, first + entries):
        entry = made.http_logs.log_entry.add()
        common, request, response = entry.common_properties, entry.request, entry.response
        for name, port in (
            ("downstream_direct_remote_address", 40000),
            ("downstream_local_address", 15001),
            ("upstream_remote_address", 9080),
            ("upstream_local_address", 50000),
        ):
            socket = getattr(common, name).socket_address
            socket.address, socket.port_value = "127.0.0.1", port
        common.start_time.FromNanoseconds(START * 10**9 + number)
        common.duration.FromMicroseconds(4300)
        common.time_to_last_downstream_tx_byte.FromMicroseconds(4250)
        common.upstream_cluster, common.route_name = "reviews/v2", "reviews.0"
        common.upstream_request_attempt_count = 1
        request.path, request.authority, request.scheme = f"/reviews/{number}", "reviews", "http"
        request.request_method, request.request_id = 3, f"id-{number}"
        response.response_code.value = 200
        response.response_code_details = "via_upstream"
    return bytes(made.SerializeToString())


TRACES = b"".join(trace(number) for number in range(COUNT))
LOGS = [log_message(first, 25) for first in range(0, COUNT, 25)]


def feed(redact: Callable[[Exchange], Exchange]) -> Feed:
    return Feed("web-1", TOPOLOGY, map(str, count()), redact, logged=True)


def plain(exchange: Exchange) -> Exchange:
    return exchange


def tapped(redact: bool) -> None:
    one = feed(Redactor() if redact else plain)
    assert len(one.receive(TRACES, 1.0)) == COUNT


def logged() -> None:
    one, reader = feed(plain), LogReader()
    assert sum(len(one.log(reader.receive(data), 1.0)) for data in LOGS) == COUNT


def joined() -> list[Exchange]:
    one, reader = feed(Redactor()), LogReader()
    one.tapped = True
    one.receive(TRACES, 1.0)
    found = [each for data in LOGS for each in one.log(reader.receive(data), 1.0)]
    assert len(found) == COUNT
    return found


def stored(folder: Path, exchanges: Callable[[], list[Exchange]]) -> None:
    path = folder / f"{time.monotonic_ns()}.tap"
    store = Store(path)
    store.add(exchanges())
    assert store.close().stored == COUNT
    path.unlink()


def best(rounds: int, action: Callable[[], object]) -> float:
    """µs of one exchange, best of the rounds: of processor time, since others use the cores."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times) / COUNT * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps: list[tuple[str, Callable[[], object]]] = [
            ("trace decoded and assembled", lambda: tapped(redact=False)),
            ("the same, redacted", lambda: tapped(redact=True)),
            ("entry of the access log", logged),
            ("both joined, redacted", joined),
            ("the same, stored", lambda: stored(folder, joined)),
        ]
        for label, action in steps:
            took = best(rounds, action)
            print(f"{label:<32}{took:8.1f} µs   {1e6 / took:10,.0f} a second")


if __name__ == "__main__":
    main()
