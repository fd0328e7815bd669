"""What captures of transport sockets cost: the hub, for each exchange, and an Envoy with TLS.

    .venv/bin/python bench/tap/sockets.py [--pairs N] [--seconds N] [--connections N] [--rounds N]

The hub gets bytes as an Envoy streams them, of one kept-alive connection with 23 fields and 2 KiB
of JSON each way, and no access log. The best of the rounds, on one core.

The Envoy is one with a hop over TLS to itself: its listener in plaintext, its cluster with TLS, and
a listener with TLS before the upstream. So each request passes three sockets, of which all have a
tap, or none; runs are paired, and the numbers are medians. Load, upstream and hub share the other
cores. It needs Go, as bench/tap/cost.py does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hpack
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hyperframe.frame import DataFrame, HeadersFrame

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap import rig
from mini_mesh.envoy_binary import find
from tap.live.feed import Feed
from tap.live.hub import Hub, TapTarget
from tap.redact import Redactor
from tap.sockets.http2 import PREFACE
from tap.sources.access_log import access_logs
from tap.topology import Endpoint, Listener, Topology

COUNT = 1000
BODY = json.dumps({"items": [{"id": n, "name": f"thing {n}", "price": 1.5} for n in range(45)]})
MORE = {f"x-header-{n}": f"value {n} of some length" for n in range(13)}
TOPOLOGY = Topology({"127.0.0.1:15001": Listener("web-1", "outbound", "web", "v1")})
ASKED = {"content-type": "application/json", "user-agent": "bench", **MORE}
ANSWERED = {"content-type": "application/json", "server": "envoy"}
DATA = BODY[:2048].encode()
TLS = f"{rig.TYPES}.transport_sockets"
Talk = Iterator[tuple[str, bytes]]


def http1() -> Talk:
    for number in range(COUNT):
        for kind, first, fields in (
            ("read", f"POST /reviews/{number} HTTP/1.1", {"host": "reviews", **ASKED}),
            ("write", "HTTP/1.1 200 OK", ANSWERED),
        ):
            named = {**fields, "x-request-id": f"id-{number}", "content-length": str(len(DATA))}
            head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            yield kind, f"{first}\r\n{head}\r\n".encode() + DATA


def http2() -> Talk:
    encoders = {"read": hpack.Encoder(), "write": hpack.Encoder()}
    yield "read", PREFACE
    for number in range(COUNT):
        pseudo = {":method": "POST", ":path": f"/reviews/{number}", ":authority": "reviews"}
        for kind, fields in (
            ("read", {**pseudo, ":scheme": "https", **ASKED}),
            ("write", {":status": "200", **ANSWERED}),
        ):
            block = encoders[kind].encode([*fields.items(), ("x-request-id", f"id-{number}")])
            head = HeadersFrame(2 * number + 1, block, flags=["END_HEADERS"])
            data = DataFrame(2 * number + 1, DATA, flags=["END_STREAM"])
            yield kind, head.serialize() + data.serialize()


def segments(talk: Talk) -> bytes:
    ends = {
        "local_address": rig.address(15001),
        "remote_address": rig.address(40000),
    }
    made: list[dict[str, Any]] = [{"trace_id": "1", "connection": ends}]
    seq, stamp = 1, "2026-11-28T18:05:08.834261Z"
    for kind, data in talk:
        body = {"data": {"as_bytes": base64.b64encode(data).decode(), "truncated": False}}
        event = {"timestamp": stamp, kind: body, "connection": ends, "seq_num": str(seq)}
        made.append({"trace_id": "1", "event": event})
        seq += len(data)
    return "".join(
        json.dumps({"socket_streamed_trace_segment": one}, indent=1) + "\n" for one in made
    ).encode()


def hub(name: str, talk: Talk, rounds: int) -> None:
    wire, best = segments(talk), 9e9
    for _ in range(rounds):
        feed = Feed("web-1", TOPOLOGY, map(str, count(1)), Redactor(), sockets=True)
        feed.tapped = True
        began = time.process_time()
        found = feed.receive(wire, 0.0)
        best = min(best, time.process_time() - began)
        assert len(found) == COUNT, len(found)
    micros = best / COUNT * 1e6
    print(f"hub, {name:<10}{micros:6.0f} µs an exchange   {1e6 / micros:8,.0f}/s", flush=True)


def secured(side: str, **common: Any) -> dict[str, Any]:
    config = {"@type": f"{TLS}.tls.v3.{side}TlsContext", "common_tls_context": common}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def plain() -> dict[str, Any]:
    config = {"@type": f"{TLS}.raw_buffer.v3.RawBuffer"}
    return {"name": "envoy.transport_sockets.raw_buffer", "typed_config": config}


def tapped(inner: dict[str, Any]) -> dict[str, Any]:
    config = {
        "@type": f"{TLS}.tap.v3.Tap",
        "common_config": {"admin_config": {"config_id": "meshloom"}},
        "transport_socket": inner,
        "socket_tap_config": {"set_connection_per_event": True, "stats_prefix": "meshloom"},
    }
    return {"name": "envoy.transport_sockets.tap", "typed_config": config}


def certificate() -> dict[str, Any]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    day = datetime.timedelta(days=1)
    signed = made.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    return {
        "certificate_chain": {"inline_string": signed.public_bytes(pem).decode()},
        "private_key": {"inline_string": private.decode()},
    }


@dataclass(frozen=True)
class Scenario:
    """``taps``: the sockets have taps; ``watch``: a hub is attached to them."""

    name: str
    taps: bool = False
    watch: bool = False


NOTHING = Scenario("nothing")
SCENARIOS = (
    Scenario("taps there, nobody attached", taps=True),
    Scenario("all captured", True, True),
)


@dataclass(frozen=True)
class Ports:
    front: int
    hop: int
    admin: int
    upstream: int


def bootstrap(scenario: Scenario, ports: Ports, logs: Path) -> str:
    """The Envoy of ``rig``, with a hop over TLS to itself."""
    logging = rig.Scenario("", logs=True)
    config = json.loads(rig.bootstrap(logging, ports.front, ports.admin, ports.upstream, logs))
    resources = config["static_resources"]
    (front,) = resources["listeners"]
    hop = json.loads(json.dumps(front))
    hop["name"], hop["address"] = "hop", rig.address(ports.hop)
    route = front["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
    route["virtual_hosts"][0]["routes"][0]["route"]["cluster"] = "hop"
    resources["listeners"].append(hop)
    around = tapped if scenario.taps else dict
    down = secured("Downstream", tls_certificates=[certificate()])
    front["filter_chains"][0]["transport_socket"] = around(plain())
    hop["filter_chains"][0]["transport_socket"] = around(down)
    up = rig.cluster("hop", rig.address(ports.hop), transport_socket=around(secured("Upstream")))
    resources["clusters"].append(up)
    return json.dumps(config)


class Bench(rig.Bench):
    async def through(self, scenario: Scenario) -> tuple[rig.Told, float]:
        """What the load saw, and the share of the requests that came with headers and bodies."""
        ports = Ports(*(rig.free_port() for _ in range(4)))
        logs, seen, whole = self.folder / "logs.sock", rig.Seen(), 0

        def keep(exchanges: list[Any]) -> None:
            nonlocal whole
            seen.keep(exchanges)
            whole += sum("socket tap" in one.sources for one in exchanges)

        listeners = {
            f"127.0.0.1:{ports.front}": Listener("bench", "outbound", "web", "v1"),
            f"127.0.0.1:{ports.hop}": Listener("bench", "inbound", "reviews", "v2"),
        }
        topology = Topology(listeners, {f"127.0.0.1:{ports.upstream}": Endpoint("reviews", "v2")})
        target = TapTarget("bench", f"127.0.0.1:{ports.admin}")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.upstream(ports.upstream))
            config = bootstrap(scenario, ports, logs)
            envoy = [str(find().path), "--config-yaml", config, "--concurrency", "1"]
            quiet = ["--disable-hot-restart", "-l", "error"]
            hub = Hub([target], topology, keep=keep, logged=True, sockets=scenario.watch)
            await stack.enter_async_context(hub.running())
            await stack.enter_async_context(access_logs(logs, hub.open_log))
            run = rig.process(*self.proxy, *envoy, *quiet)
            running = await stack.enter_async_context(run)
            await rig.ready(ports.admin)
            if scenario.watch:
                await hub.attached()
            told = await self.load(ports.front, running.pid)
            await seen.all()
            return told, whole / (2 * told.rate * self.seconds)


async def compare(bench: Bench, scenario: Scenario, pairs: int) -> None:
    ratios, times, shares, rates = [], [], [], []
    for _ in range(pairs):
        before, _ = await bench.through(NOTHING)
        told, share = await bench.through(scenario)
        ratios.append(told.rate / before.rate)
        times.append(told.cpu_us / before.cpu_us)
        shares.append(share)
        rates.append(told.rate)
    spread = f"({min(ratios):.2f}–{max(ratios):.2f})"
    captured = f"{min(shares):.4f}" if scenario.watch else "–"
    print(
        f"{scenario.name:<30}{statistics.median(ratios):6.2f} {spread:<14}"
        f"Envoy's CPU a request × {statistics.median(times):5.2f}"
        f" ({min(times):.2f}–{max(times):.2f})   captured {captured}"
        f"   {statistics.median(rates):,.0f}/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name, talk in (("HTTP/1.1", http1), ("HTTP/2", http2)):
        hub(name, talk(), options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        for scenario in SCENARIOS:
            asyncio.run(compare(bench, scenario, options.pairs))


if __name__ == "__main__":
    main()
