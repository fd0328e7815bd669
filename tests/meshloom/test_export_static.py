"""``meshloom export --to envoy-static``: what it writes runs, and answers as the mesh does."""

from __future__ import annotations

import json
import random
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from mesh_patterns.draft import Draft
from mesh_patterns.exporters.envoy_static import Ports
from mesh_patterns.load import load
from mesh_patterns.model import CLIENT
from mesh_patterns.placement import Caller, call, ingress
from mesh_yaml import yaml
from mini_mesh.echo_host import ECHO, EchoHost
from mini_mesh.plan import plan
from mini_mesh.ports import LOOPBACK
from mini_mesh.processes.fleet import Fleet
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import wait_for_live
from tests.meshloom.command import inside, write
from tests.mini_mesh.live import needs_envoy, started

MESH = """
mesh:
  services:
    web: {calls: [reviews], ingress: {hosts: [shop.test], tls: true}}
    reviews: {versions: {v1: , v2: {replicas: 2}}, calls: [ratings]}
    ratings:
patterns:
- {pattern: mtls, on: "*", mode: strict}
- pattern: route
  on: client -> reviews
  rules:
  - {match: {path: {prefix: /v2}}, to: v2, rewrite: {path: /}}
  - {match: {headers: {x-old: "on"}}, respond: {status: 410, body: "yes"}}
  - {to: v1}
- {pattern: fault, on: client -> ratings, abort: {status: 503}, when: {headers: {x-break: "1"}}}
- pattern: lua
  on: ratings
  deliver: ecds
  code: 'function envoy_on_response(h) h:headers():add("x-lua", "was here") end'
- {pattern: compression, on: client -> web}
"""
ASKED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("web", "/", {}),
    ("web", "/", {"accept-encoding": "gzip"}),
    ("reviews", "/v2/a", {}),
    ("reviews", "/", {"x-old": "on"}),
    ("reviews", "/", {}),
    ("ratings", "/", {}),
    ("ratings", "/", {"x-break": "1"}),
)
KEPT = ("x-lua", "content-encoding", "content-type", "server")


async def answers(url: Callable[[str], str]) -> list[Any]:
    """What was answered to all that is asked, without what differs from run to run."""
    found = []
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for service, path, headers in ASKED:
            async with session.get(url(service) + path, headers=headers) as response:
                body = await response.read()
                told = json.loads(body) if body.startswith(b"{") else len(body) > 20 or body
                fields = {name: response.headers.get(name) for name in KEPT}
                found.append((response.status, fields, _steady(told)))
    return found


def _steady(said: Any) -> Any:
    """Who answered, and whom it called; which version of those is chance."""
    if not isinstance(said, dict):
        return said
    called = [(each["service"], each["status"]) for each in said["calls"]]
    return said["service"], said["version"], said["path"], called


def free_ports(count: int = 60) -> int:
    """Where so many ports in a row are free."""
    for _ in range(50):
        first = random.randrange(21000, 31000)
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    taken = held.enter_context(socket.socket())
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    taken.bind((LOOPBACK, port))
            except OSError:
                continue
            return first
    pytest.skip(f"{count} ports in a row are not free")


def envoys(folder: Path) -> dict[str, ProcessSpec]:
    """An Envoy for each file in ``folder``, by the file's stem."""
    start = [str(needs_envoy().path), "--disable-hot-restart", "--concurrency", "1", "-c"]
    files = folder.glob("*.yaml")
    return {file.stem: ProcessSpec(file.stem, [*start, str(file)]) for file in files}


@asynccontextmanager
async def running(pattern: Path, folder: Path, first: int) -> AsyncIterator[Ports]:
    """The Envoys of the files in ``folder``, and the echo beside them; no control plane."""
    draft = load([pattern])
    ports = Ports.counted(draft, first)
    echo = EchoHost()
    echo.serve(plan(draft.mesh, ports.placement).echoes)
    wanted = {ECHO: echo.spec, **envoys(folder)}
    async with Fleet(lambda event: None, echo.started, echo.heard) as fleet:
        await fleet.start(wanted)
        assert await echo.problem() is None
        for node, admin in ports.admins.items():
            process = fleet.get(node)
            assert process is not None
            await wait_for_live(process, admin)
        yield ports


@pytest.mark.asyncio
async def test_envoys_alone_answer_as_the_running_mesh_does(tmp_path: Path) -> None:
    pattern, folder, first = write(tmp_path, MESH), tmp_path / "out", free_ports()
    done = inside("export", pattern, "--to", "envoy-static", "-o", folder, "--first-port", first)
    assert done.code == 0, done.err
    (tmp_path / "live").mkdir()
    async with started(tmp_path / "live", MESH) as live:
        wanted = await answers(live.url)
    statuses = [status for status, *_ in wanted]
    assert statuses == [200, 200, 200, 410, 200, 200, 503]
    async with running(pattern, folder, first) as ports:
        client = Caller(CLIENT, CLIENT)
        found = await answers(lambda to: f"http://{ports.placement.address(call(client, to))}")
        assert found == wanted
        assert await at_the_edge(ports, folder, load([pattern])) == 200


async def at_the_edge(ports: Ports, folder: Path, draft: Draft) -> int:
    """What somebody gets who trusts the authority of the export, and nobody else."""
    at = draft.mesh.services["web"].ingress
    assert at is not None
    trusted = ssl.create_default_context(cafile=folder / "certificates" / "mesh" / "bundle.pem")
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=Loopback())
    port = ports.placement.port(ingress(at))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"https://shop.test:{port}/") as response,
    ):
        return response.status


class Loopback(AbstractResolver):
    """Every name is this machine's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=LOOPBACK, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def test_keys_are_their_owners_alone_and_somebody_is_told(tmp_path: Path) -> None:
    pattern, folder = write(tmp_path, MESH), tmp_path / "out"
    done = inside("export", pattern, "--to", "envoy-static", "-o", folder)
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    keys = sorted(str(file.parent.name) for file in files if file.name == "key.pem")
    reviews = ["reviews-v1", "reviews-v2", "reviews-v2-2"]
    assert keys == ["client", "ingress", "ingress@tls", "ratings", *reviews, "web"]
    assert "private keys are written out: who has one is taken for its holder" in done.err
    assert "PRIVATE KEY" not in "".join(file.read_text() for file in folder.glob("*.yaml"))


def test_without_a_folder_all_is_one_stream_with_the_keys_in_it(tmp_path: Path) -> None:
    done = inside("export", write(tmp_path, MESH), "--to", "envoy-static")
    nodes = [document.find("node", "id").text() for document in yaml.parse(done.out, "out")]
    assert nodes == ["web", "reviews-v1", "reviews-v2", "reviews-v2-2", "ratings", "ingress"]
    assert "PRIVATE KEY" in done.out
    assert ".pem" not in done.out


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    pattern, folder = write(tmp_path, "mesh: {services: {a: }}"), tmp_path / "out"
    told = json.loads(inside("export", pattern, "--to", "envoy-static", "--json").out)
    assert (told["ok"], told["files"]) == (True, ["a.yaml", "ingress.yaml"])
    assert told["text"].count("static_resources:") == 2
    told = json.loads(inside("export", pattern, "--to", "envoy-static", "--json", "-o", folder).out)
    assert told["output"] == str(folder)
    assert sorted(file.name for file in folder.iterdir()) == told["files"]


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    pattern, there = write(tmp_path, "mesh: {services: {a: }}"), write(tmp_path, "", "there")
    done = inside("export", pattern, "--to", "envoy-static", "-o", there)
    assert done.code == 2
    assert done.err == f"{there}/a.yaml:1:1: can't be written: file exists\n1 error\n"
