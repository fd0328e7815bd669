"""Access logs and traces of a running mesh: every request has its line, every span its parent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesh_patterns.load import load
from mini_mesh.mesh import MiniMesh
from mini_mesh.options import Options
from tap.sources.access_log import HeldLogs, access_logs
from tap.sources.otlp import TRACES, handlers
from tests.mini_mesh.live import Live, needs_envoy, started

SERVICES = "mesh: {services: {a: {calls: [b], ingress: true}, b: {calls: [c]}, c: }}\npatterns:\n"


async def ask(live: Live, path: str, count: int = 1, **headers: str) -> set[int]:
    async with aiohttp.ClientSession() as session:
        url = live.mesh.state()["ingress"] + path
        return {(await session.get(url, headers=headers)).status for _ in range(count)}


async def lines(file: Path, count: int) -> list[dict[str, Any]]:
    """The lines of a log, once there are as many as that."""
    await until(lambda: len(written(file)) >= count)
    return [json.loads(line) for line in written(file)]


def written(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110 # neither files nor Envoys tell that they are ready
            await asyncio.sleep(0.05)


async def test_every_request_has_its_line_and_no_other(tmp_path: Path) -> None:
    pattern = "- {pattern: access_log, on: ingress, file: log.json}\n"
    async with started(tmp_path, SERVICES + pattern) as live:
        assert await ask(live, "/page?x=1", count=100) == {200}
        told = await lines(tmp_path / "log.json", 100)
    assert len(told) == 100
    assert {(line["status"], line["path"], line["flags"]) for line in told} == {
        (200, "/page?x=1", "-")
    }


async def test_only_what_is_asked_for_is_told_in_the_words_that_are_asked_for(
    tmp_path: Path,
) -> None:
    patterns = """\
- {pattern: route, on: ingress -> a, rules: [{match: {path: /no}, respond: {status: 503}}]}
- pattern: access_log
  on: ingress
  file: bad.json
  fields: {code: '%RESPONSE_CODE%', why: '%RESPONSE_CODE_DETAILS%'}
  when: {status: '>= 500'}
- {pattern: access_log, on: '*', file: all.txt, text: 'at %REQ(:AUTHORITY)%', when: {flags: UF}}
"""
    async with started(tmp_path, SERVICES + patterns) as live:
        assert await ask(live, "/yes", count=5) == {200}
        assert await ask(live, "/no", count=3) == {503}
        told = await lines(tmp_path / "bad.json", 3)
        assert told == [{"code": 503, "why": "direct_response"}] * 3
        assert written(tmp_path / "all.txt") == []


async def test_a_sample_is_a_share_of_the_requests(tmp_path: Path) -> None:
    pattern = "- {pattern: access_log, on: ingress, file: some.json, when: {sample: 50%}}\n"
    async with started(tmp_path, SERVICES + pattern) as live:
        await ask(live, "/", count=200)
        await asyncio.sleep(0.5)
        told = await lines(tmp_path / "some.json", 1)
    assert 65 <= len(told) <= 135  # of 200 at one half: five standard deviations


class Collector:
    """Keeps the spans that come by OTLP."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []  # service, span

    async def receive(self, signal: str, data: bytes) -> bytes:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

        assert signal == TRACES
        for each in service.ExportTraceServiceRequest.FromString(data).resource_spans:
            names = {a.key: a.value.string_value for a in each.resource.attributes}
            for scope in each.scope_spans:
                self.spans += [(names["service.name"], span) for span in scope.spans]
        return service.ExportTraceServiceResponse().SerializeToString()


@asynccontextmanager
async def traced(folder: Path, text: str) -> AsyncIterator[tuple[MiniMesh, Collector]]:
    """A mesh of which somebody captures."""
    run, file, collector = folder / "run", folder / "mesh.yaml", Collector()
    run.mkdir()
    file.write_text(text)
    socket = run / "captures.sock"
    options = Options(needs_envoy(), run, captures=socket)
    door: Any = handlers(collector)  # type: ignore[arg-type] # as a Receiver: it receives
    mesh = MiniMesh(options, lambda event: None)
    async with access_logs(socket, HeldLogs().open, door), mesh:
        await mesh.start(load([file]))
        yield mesh, collector


async def test_a_request_is_one_trace_in_which_every_span_has_its_parent(tmp_path: Path) -> None:
    pattern = "- {pattern: tracing, on: '*', tags: {team: shop, who: {header: user-agent}}}\n"
    async with traced(tmp_path, SERVICES + pattern) as (mesh, collector):
        async with aiohttp.ClientSession() as session:
            url = mesh.state()["ingress"]
            assert (await session.get(url, headers={"user-agent": "me"})).status == 200
        await until(lambda: len(collector.spans) >= 10)
    spans = {span.span_id: (service, span) for service, span in collector.spans}
    assert len({span.trace_id for _, span in spans.values()}) == 1
    roots = [service for service, span in spans.values() if not span.parent_span_id]
    assert roots == ["ingress"]
    chain = {
        (spans[span.parent_span_id][0], service)
        for service, span in spans.values()
        if span.parent_span_id
    }
    assert {pair for pair in chain if pair[0] != pair[1]} == {
        ("ingress", "a"),
        ("a", "b"),
        ("b", "c"),
    }
    _, first = next(each for each in spans.values() if each[0] == "ingress")
    tags = {a.key: a.value.string_value for a in first.attributes}
    assert (tags["team"], tags["who"]) == ("shop", "me")


@pytest.mark.parametrize(("percent", "sampled"), [("0", False), ("100", True)])
async def test_requests_without_a_trace_are_sampled(
    tmp_path: Path, percent: str, sampled: bool
) -> None:
    pattern = f"- {{pattern: tracing, on: '*', sampling: {percent}}}\n"
    async with traced(tmp_path, SERVICES + pattern) as (mesh, collector):
        async with aiohttp.ClientSession() as session:
            for _ in range(5):
                assert (await session.get(mesh.state()["ingress"])).status == 200
        if sampled:
            await until(lambda: len(collector.spans) >= 50)
        else:
            await asyncio.sleep(1.5)  # Envoy sends what it has each second or so
            assert collector.spans == []


async def test_without_anybody_who_captures_nothing_is_traced(tmp_path: Path) -> None:
    async with started(tmp_path, SERVICES + "- {pattern: tracing, on: '*'}\n") as live:
        assert await ask(live, "/") == {200}
