"""Services without an Envoy, next to some with one: what gRPC makes of patterns."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mesh_traffic import Headers
from mesh_yaml.place import DocumentError
from mini_mesh.events import Applied, Refused, Restarted
from mini_mesh.plan import entrance
from mini_mesh.processes.ready import wait_for_port
from mini_mesh.proving import counters, probe
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import GRPC, Outgoing
from mini_mesh.proving.prover import prove
from mini_mesh.proving.traffic import send
from tests.mini_mesh.live import Live, opened, started

PROVEN = """
mesh:
  services:
    web: {dataplane: grpc, calls: [api, guarded, broken, slow, pool, shaky]}
    api: {dataplane: grpc, versions: {v1: , v2: }}
    guarded: {dataplane: grpc}
    pool: {dataplane: grpc, versions: {a: , b: , c: }}
    broken: {protocol: grpc}
    slow: {protocol: grpc}
    shaky: {protocol: grpc, versions: {good: , bad: }}
patterns:
  - {pattern: canary, on: api, weights: {v1: 80, v2: 20}}
  - pattern: route
    on: web -> api
    rules: [{match: {path: /test.Half/Say}, fault: {abort: {grpc_status: 8, percent: 50}}}]
  - {pattern: authorization, on: api, deny: {paths: /test.Admin/*}}
  - pattern: authorization
    on: guarded
    allow: {methods: POST, hosts: guarded, headers: {x-key: {exact: 'no', invert: true}}}
  - {pattern: fault, on: broken, abort: {grpc_status: 14}}
  - {pattern: retries, on: broken, attempts: 3, retry_on: unavailable, backoff: {base: 5ms}}
  - {pattern: fault, on: slow, delay: {fixed: 4s}}
  - {pattern: timeout, on: slow, after: 2500ms}
  - {pattern: circuit_breaker, on: slow, max_requests: 2}
  - {pattern: load_balancing, on: pool, hash: header:x-user}
  - {pattern: fault, on: shaky/bad, abort: {grpc_status: 14}}
  - {pattern: fault, on: shaky/good, delay: {fixed: 2ms}}
  - pattern: outlier_detection
    on: shaky
    interval: 50ms
    failure_percentage: {threshold: 50, minimum_hosts: 1, request_volume: 3}
expect:
  - {claim: canary, from: web, to: api, send: 200, concurrency: 4, status: 0, share: {v2: 20..60}}
  - {claim: to one with an Envoy's client, from: client, to: api, send: 20, status: 0}
  - {claim: fault, from: web, to: api, path: /test.Half/Say, send: 100, status: {8: 32..68}}
  - {claim: denied, from: web, to: api, path: /test.Admin/Say, status: 7, upstream_ratio: 0x}
  - {claim: denied to Envoys, from: client, to: api, path: /test.Admin/Say, status: 7}
  - {claim: allowed with no key, from: web, to: guarded, status: 0}
  - {claim: allowed with a key, from: web, to: guarded, headers: {x-key: 'yes'}, status: 0}
  - {claim: denied with that key, from: web, to: guarded, headers: {x-key: 'no'}, status: 7}
  - {claim: retries, from: web, to: broken, send: 3, status: 14, upstream_ratio: 4x}
  - claim: timeout and breaker
    from: web
    to: slow
    send: 5
    concurrency: 5
    status: {4: 2, 14: 3}
    within: 0s..2s
  - {claim: hashed, from: web, to: pool, send: 30, headers: {x-user: jason}, versions: 1}
  - {claim: ejected, from: web, to: shaky, send: 100, share: {bad: 1..40}}
"""


async def test_what_patterns_promise_grpc_keeps(tmp_path: Path) -> None:
    async with started(tmp_path, PROVEN) as live:
        found = [verdict async for proof in prove(live.mesh) for verdict in proof.verdicts]
        assert [(v.claim, v.seen, v.expected) for v in found if not v.holds] == []
        assert len(found) == 17
        assert live.all(Refused) == []


TWO = """
mesh:
  services:
    web: {dataplane: grpc, calls: [api]}
    api: {dataplane: grpc, versions: {v1: , v2: }}
patterns: [{pattern: canary, on: api, weights: {v1: 100, v2: 0}}]
"""


def requests(address: str, count: int, host: str = "api") -> Outgoing:
    path, nothing = "/test.Echo/Say", Headers()
    return Outgoing(address, host, "GET", path, nothing, b"", count, 2, 10.0, GRPC)


def versions(samples: tuple[Sample, ...]) -> list[str | None]:
    return [sample.headers.get("x-meshloom-version") for sample in samples]


async def under_way(live: Live, instance: str, arrived: int) -> None:
    """Until so many requests have arrived."""
    async with asyncio.timeout(15):
        while (await counters.reached(live.mesh.plan, live.mesh.admins))[instance] < arrived:
            pass


async def test_a_weight_changes_without_a_failed_request(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live:
        node = live.mesh.plan.grpc["web"]
        sending = asyncio.create_task(probe.send_as(node, requests("xds:///api", 1000)))
        await under_way(live, "api-v1", 50)
        await live.change(TWO.replace("v1: 100, v2: 0", "v1: 0, v2: 100"))
        samples = await sending
        assert {sample.status for sample in samples} == {0}
        seen = versions(samples)
        assert (seen[0], seen[-1]) == ("v1", "v2")
        turn = seen.index("v2")
        assert set(seen[turn + 2 :]) == {"v2"}  # two are sent at a time
        assert "web" in {event.node for event in live.all(Applied)}


class Calling:
    """Requests without a break, until its end, and the statuses of all of them."""

    def __init__(self, address: str) -> None:
        self._ending = False
        self._task = asyncio.create_task(self._call(address))

    async def _call(self, address: str) -> set[int]:
        seen: set[int] = set()
        while not self._ending:
            seen |= {sample.status for sample in await send(requests(address, 20))}
        return seen

    async def end(self) -> set[int]:
        self._ending = True
        return await self._task


async def test_a_service_loses_its_envoy_and_gets_it_back_without_a_failed_request(
    tmp_path: Path,
) -> None:
    with_envoy = "mesh: {services: {api: {protocol: grpc}}}"
    async with started(tmp_path, with_envoy) as live:
        first = live.mesh.plan
        at = entrance(first.mesh, first.placement, "client", "api")
        calling = Calling(at)
        await under_way(live, "api", 20)
        await live.change("mesh: {services: {api: {dataplane: grpc}}}")
        assert list(live.mesh.plan.proxies) == ["ingress"]
        await under_way(live, "api", 20)
        await live.change(with_envoy)
        assert list(live.mesh.plan.proxies) == ["api", "ingress"]
        assert await calling.end() == {0}


PROGRAM = """
import os, sys, grpc
from concurrent.futures import ThreadPoolExecutor
plain = grpc.experimental.insecure_channel_credentials()
credentials = grpc.xds_channel_credentials(plain)
ask = grpc.secure_channel(os.environ["API_TARGET"], credentials).unary_unary("/test.Echo/Say")
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"it said " + ask(b""))
server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()], xds=True)
listener = grpc.xds_server_credentials(grpc.insecure_server_credentials())
server.add_secure_port(sys.argv[1] + ":" + os.environ["PORT"], listener)
server.start()
server.wait_for_termination()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::]"])
async def test_a_program_of_ones_own_serves_and_calls(tmp_path: Path, host: str) -> None:
    script = tmp_path / "program.py"
    script.write_text("import grpc.experimental\n" + PROGRAM)
    run = f"exec {sys.executable} {script} {host}"
    services = f"front: {{dataplane: grpc, calls: [api], run: '{run}'}}, api: {{dataplane: grpc}}"
    async with started(tmp_path, f"mesh: {{services: {{{services}}}}}") as live:
        plan = live.mesh.plan
        at = entrance(plan.mesh, plan.placement, "client", "front")
        (answer,) = await send(requests(at, 1, "front"))
        assert (answer.status, answer.body[:8]) == (0, "it said ")
        assert "front" not in await counters.reached(plan, live.mesh.admins)


async def test_what_a_server_refuses_is_told_at_once_and_with_its_line(tmp_path: Path) -> None:
    refused = "{pattern: authorization, on: api, deny: {headers: {grpc-x: {present: true}}}}"
    text = TWO.replace("patterns: [", f"patterns: [{refused}, ")
    async with opened(tmp_path) as live:
        with pytest.raises(DocumentError, match="grpc-") as error:
            async with asyncio.timeout(10):
                await live.start(text)
        assert {problem.place.line for problem in error.value.problems} == {6}


async def test_a_killed_process_comes_back_and_serves_and_counts(tmp_path: Path) -> None:
    async with started(tmp_path, "mesh: {services: {api: {dataplane: grpc}}}") as live:
        plan = live.mesh.plan
        at = entrance(plan.mesh, plan.placement, "client", "api")
        (before,) = await send(requests(at, 1))
        process = live.mesh._fleet.get("api")
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await live.until(Restarted)
        fresh = live.mesh._fleet.get("api")
        assert fresh is not None
        await wait_for_port(fresh, plan.placement.port("workload:api"))
        async with asyncio.timeout(10):
            while (await send(requests(at, 1)))[0].status:
                pass  # Envoy has not connected anew yet
        assert before.status == 0
        assert (await counters.reached(plan, live.mesh.admins))["api"] == 1
