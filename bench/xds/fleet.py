"""Many clients on one control plane: ``python bench/xds/fleet.py [--rows …] [--planes …]``.

Prints one JSON object, and on standard error what it has measured. The server and the clients are
processes of their own. Where Go is present, the clients are in Go and everything is measured a
second time, in the same run, with a server on go-control-plane's snapshot cache; ``ratio`` is ours
by theirs. ``--planes grpc.aio`` is what gRPC for Python costs by itself.

rows: change    1,000 clients, 100 clusters, one endpoint changed, until all have ACKed
      first     1,000 clients, 100 clusters: from the last one's connection until all have ACKed
      push      the same for clients that are connected before there is anything to serve
      clusters  as push, for clients that want no endpoints
      crowd     5,000 clients, 1 cluster, connecting at once; then one change; memory per stream
      services  1,000 clients, 10,000 clusters: the server's memory; then one change. Ours only:
                theirs takes minutes and gigabytes
      hundred   100 clients, 10,000 clusters
      wire      1 client, 10,000 clusters: one endpoint changed, until the client has it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import programs
from programs import BARE, OURS, THEIRS, Program


@dataclass(frozen=True, slots=True)
class Row:
    clients: int
    services: int
    changes: int
    late: bool = False  # served once all are connected
    clusters_only: bool = False
    planes: tuple[str, ...] = (OURS, THEIRS, BARE)


ROWS = {
    "change": Row(1_000, 100, 20),
    "first": Row(1_000, 100, 0),
    "push": Row(1_000, 100, 0, late=True, planes=(OURS, THEIRS)),
    "crowd": Row(5_000, 1, 5),
    "clusters": Row(1_000, 100, 0, late=True, clusters_only=True, planes=(OURS, THEIRS)),
    "services": Row(1_000, 10_000, 3, planes=(OURS,)),
    "hundred": Row(100, 10_000, 2),
    "wire": Row(1, 10_000, 20),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row is measured with."""

    plane: str
    variant: str
    clients_in: str
    more: tuple[str, ...] = ()


async def measured(row: Row, setting: Setting) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        late = ("--late",) if row.late else ()
        only = ("--clusters-only",) if row.clusters_only else ()
        more = (*setting.more, *late, *only)
        starting = programs.plane(setting.plane, row.clients, row.services, *more)
        plane = await stack.enter_async_context(starting)
        listening = await plane.until("listening")
        clients = await stack.enter_async_context(
            programs.fleet(
                setting.clients_in,
                row.clients,
                *("--target", f"127.0.0.1:{listening['port']}", "--variant", setting.variant),
                *("--services", str(row.services), *only),
            )
        )
        began = max([(await each.until("connected"))["at"] for each in clients])
        connecting = began - min([(await each.until("started"))["at"] for each in clients])
        cpu_before = listening["cpu_ms"]
        if row.late:
            await plane.until("opened")
            served = await plane.ask("serve", "served")
            began, cpu_before = served["began"], served["cpu_ms"]
        settled = await plane.until("settled")
        usage = await plane.ask("usage", "usage")
        found = {
            "connecting_ms": connecting / 1e6,
            "first_push_ms": (settled["at"] - began) / 1e6,
            "first_push_cpu_ms_per_client": (settled["cpu_ms"] - cpu_before) / row.clients,
            **_memory(row, listening, usage),
        }
        if row.changes:
            await _received(clients)
            found |= await _changed(row, plane, clients)
        lost = [each for program in (plane, *clients) for each in program.complaints]
        return found | {"opened": settled["opened"], "lost": len(lost)}


def _memory(row: Row, listening: dict[str, Any], usage: dict[str, Any]) -> dict[str, float]:
    grown = usage["rss_kib"] - listening["rss_kib"]
    return {
        "rss_mib_before": listening["rss_kib"] / 1024,
        "rss_mib": usage["rss_kib"] / 1024,
        "peak_rss_mib": usage["peak_kib"] / 1024,
        "rss_kib_per_stream": grown / row.clients,
    }


async def _received(clients: Sequence[Program]) -> int:
    """When the last client had its next response with endpoints."""
    return max([(await each.until("received"))["last"] for each in clients])


async def _changed(row: Row, plane: Program, clients: Sequence[Program]) -> dict[str, float]:
    acked, cpu, set_in, wire = [], [], [], []
    for _ in range(row.changes):
        change = await plane.ask("change", "changed")
        end = await plane.until("acked")
        acked.append((end["at"] - change["began"]) / 1e6)
        cpu.append((end["cpu_ms"] - change["cpu_ms"]) / row.clients)
        set_in.append((change["set"] - change["began"]) / 1e6)
        wire.append((await _received(clients) - change["began"]) / 1e6)
    return {
        "all_acked_ms": statistics.median(acked),
        "all_acked_ms_max": max(acked),
        "all_received_ms": statistics.median(wire),
        "set_ms": statistics.median(set_in),
        "cpu_ms_per_client": statistics.median(cpu),
    }


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Ours by theirs: below 1 is better than theirs."""
    ours, theirs = found[OURS], found[THEIRS]
    times = [name for name in ours if "_ms" in name or "rss" in name]
    return {name: ours[name] / theirs[name] for name in times if theirs[name] > 0}


def rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    return float(f"{found:.3g}") if isinstance(found, float) else found


async def main(found: argparse.Namespace) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if programs.go() and {THEIRS, "go"} & {*found.planes, found.clients_in}:
        programs.build()
    facts: dict[str, Any] = {"cpus": os.cpu_count(), "clients_in": found.clients_in}
    more = ("--metrics",) if found.metrics else ()
    for name in found.rows:
        for variant in found.variants:
            by_plane: dict[str, Any] = {}
            for plane in (each for each in found.planes if each in ROWS[name].planes):
                setting = Setting(plane, variant, found.clients_in, more if plane == OURS else ())
                started = time.monotonic()
                by_plane[plane] = await measured(ROWS[name], setting)
                took = time.monotonic() - started
                print(f"{name}, {variant}, {plane}: {took:.0f} s", file=sys.stderr)
            if OURS in by_plane and THEIRS in by_plane:
                by_plane["ratio"] = ratios(by_plane)
            facts[f"{name}, {variant}"] = by_plane
    print(json.dumps(rounded(facts), indent=2))


if __name__ == "__main__":
    with_go = programs.go() is not None
    formatter = argparse.RawDescriptionHelpFormatter
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    arguments.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    arguments.add_argument(
        "--variants", nargs="+", choices=("SotW", "Delta"), default=["SotW", "Delta"]
    )
    arguments.add_argument(
        "--planes", nargs="+", choices=(OURS, THEIRS, BARE), default=[OURS, THEIRS][: 1 + with_go]
    )
    arguments.add_argument(
        "--clients-in", choices=("go", "python"), default="go" if with_go else "python"
    )
    arguments.add_argument("--metrics", action="store_true", help="ours counts for Prometheus, too")
    asyncio.run(main(arguments.parse_args()))
