"""A real Envoy with wasm filters, for tests that are not written as coroutines: the rig of
``mini_mesh.filter_rig`` with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.config import Layout
from mini_mesh.filter_rig.config import WasmFilter as RigFilter
from mini_mesh.filter_rig.log import Line, logged
from mini_mesh.filter_rig.rig import Exchanged, Rig, open_rig
from mini_mesh.filter_rig.upstream import Script
from tests.mini_mesh.live import needs_envoy
from wasm_filters.config import PluginConfig

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class WasmFilter:
    """A module and its configuration; it is called as its listener is."""

    code: bytes
    configuration: str = ""


@dataclass
class RealEnvoy:
    """A running Envoy. ``lines`` are all that it has logged so far."""

    runner: asyncio.Runner
    rig: Rig
    response: Response
    lines: list[Line] = field(default_factory=list)

    def logs(self, name: str) -> list[str]:
        """What one filter logged in its requests; ``""`` for all root contexts, in order."""
        return [said.message for said in logged(self.lines, self.rig.layout.chains)
                if said.prefix == name]  # fmt: skip

    def request(
        self,
        name: str,
        method: str = "GET",
        path: str = "/",
        fields: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Exchanged:
        """Send these fields (after host, before content-length) through the filter ``name``."""
        lengths = [("content-length", str(len(body)))] if body else []
        request = Request(
            method, path, "test", headers=Headers.of([*fields, *lengths]), body=Body(body)
        )
        exchanged = self.runner.run(
            self.rig.exchange(name, request, lambda message: Script(self.response))
        )
        self.lines += exchanged.lines
        return exchanged


@contextlib.contextmanager
def envoy_with_filters(
    folder: Path, filters: Mapping[str, WasmFilter], response: Response
) -> Iterator[RealEnvoy]:
    """One listener for each of ``filters``; the upstream answers ``response`` to everything."""
    envoy = needs_envoy()
    chains = {
        name: [RigFilter(wasm.code, PluginConfig(name, configuration=wasm.configuration.encode()))]
        for name, wasm in filters.items()
    }
    with asyncio.Runner() as runner:
        rig_of = open_rig(envoy, Layout(chains), folder)
        rig = runner.run(rig_of.__aenter__())
        try:
            yield RealEnvoy(runner, rig, response, list(rig.started))
        finally:
            runner.run(rig_of.__aexit__(None, None, None))
