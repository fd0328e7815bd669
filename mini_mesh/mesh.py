"""A running mesh: its Envoys, its workloads and its control plane, kept as its files want it.

A door, and the wiring of all others in this room. :meth:`MiniMesh.start` brings a mesh up,
:meth:`MiniMesh.change` moves it to what changed files say and leaves alone what stays the same.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_patterns.draft import Draft
from mesh_patterns.model import Mesh
from mesh_patterns.place import PatternError, Place, Problem
from mesh_patterns.placement import HOST, Need, Placement, needs
from mini_mesh.bootstrap import EnvoyNode, arguments, bootstrap
from mini_mesh.echo.config import ERROR, READY, encode, process_spec
from mini_mesh.envoy_binary import EnvoyBinary
from mini_mesh.events import Event, Ready, Refused
from mini_mesh.fleet import Fleet
from mini_mesh.plan import Plan, addresses, plan
from mini_mesh.ports import PortInUse, Ports
from mini_mesh.process import Process, ProcessSpec
from mini_mesh.ready import NotReady, or_exit, wait_for_live, wait_for_port

if TYPE_CHECKING:
    from mini_mesh.control import ControlPlane

ECHO = "echo"  # the one process of all built-in workloads
READY_WITHIN = 30.0  # seconds for a workload or an Envoy to answer
_ENVOY = "envoy:"  # what an Envoy's process is called: this and its node
_XDS, _ADMIN = "control plane", "admin:"  # the keys of ports that no file speaks of


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a mesh. ``folder`` is private to it; ``concurrency`` is Envoy's workers.

    ``first_port`` counts ports up from there, the same at every start; else any free ones.
    """

    envoy: EnvoyBinary
    folder: Path
    first_port: int | None = None
    concurrency: int = 1


class MiniMesh:
    """An async context manager: inside it a mesh may run, after it nothing is left.

    ``report`` hears every :mod:`~mini_mesh.events` event, on the event loop.
    """

    def __init__(self, options: Options, report: Callable[[Event], None]) -> None:
        self.options = options
        self.plan: Plan
        self.draft: Draft
        self._report = report
        self._born = time.perf_counter()
        self._stack = AsyncExitStack()
        self._ports = Ports(options.first_port)
        self._taken: dict[str, int] = {}
        self._fleet = Fleet(report, self._started, self._heard)
        self._echo_answer: asyncio.Future[str]
        self._control: ControlPlane | None = None

    async def __aenter__(self) -> MiniMesh:
        self._stack.callback(self._ports.close)
        await self._stack.enter_async_context(self._fleet)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    # What it is.

    @property
    def admins(self) -> dict[str, str]:
        """The address of each Envoy's admin interface, by node."""
        return {node: f"{HOST}:{self._taken[_ADMIN + node]}" for node in self.plan.proxies}

    @property
    def failed(self) -> set[str]:
        """The processes that died too often and stay down."""
        return self._fleet.failed

    @property
    def control(self) -> ControlPlane:
        assert self._control is not None, "the mesh has not been started"
        return self._control

    def state(self) -> dict[str, Any]:
        """Every address of the mesh, as JSON-like data."""
        envoys = {
            node: {"admin": f"http://{admin}", "pid": self._pid(_ENVOY + node)}
            for node, admin in self.admins.items()
        }
        return {
            "name": self.plan.mesh.name,
            "pid": os.getpid(),
            "control_plane": f"{HOST}:{self._taken[_XDS]}",
            "envoy": self.options.envoy.describe(),
            "envoys": envoys,
            **addresses(self.plan),
        }

    def _pid(self, name: str) -> int | None:
        process = self._fleet.get(name)
        return process.pid if process else None

    # What it does.

    async def start(self, draft: Draft) -> None:
        """Bring the mesh up, and return when every part of it answers.

        Raises:
            PatternError: a port is taken, a workload died, an Envoy refused its config.
        """
        self.draft, self.plan = draft, plan(draft.mesh, self._place(draft.mesh))
        await self._run(self.plan)
        # The processes start while this one is busy importing Envoy's messages.
        from mesh_patterns.compile import compile_mesh
        from mini_mesh.control import ControlPlane

        snapshots = compile_mesh(draft, self.plan.placement)
        self._control = ControlPlane(self._report)
        self._ports.hand_over(self._taken[_XDS])
        await self._control.start(self._taken[_XDS])
        self._stack.push_async_callback(self._control.stop)
        self._control.serve(snapshots)
        await self._all_well(self.plan.mesh, self.plan.proxies)
        self._report(Ready(time.perf_counter() - self._born, self.state()))

    async def change(self, draft: Draft) -> int:
        """Move the running mesh to ``draft``; how many Envoys were told something new.

        New parts are up before anybody is sent to them, and old ones end when nobody is.

        Raises:
            PatternError: as :meth:`start`; the mesh goes on as it was.
        """
        from mesh_patterns.compile import compile_mesh

        old, new = self.plan, plan(draft.mesh, self._place(draft.mesh))
        snapshots = compile_mesh(draft, new.placement)
        self.draft, self.plan = draft, new
        added = {node: proxy for node, proxy in new.proxies.items() if node not in old.proxies}
        if added or old.workloads != new.workloads or old.echoes != new.echoes:
            await self._run(new)
            kept = {node: found for node in old.proxies if (found := self.control.snapshot(node))}
            self.control.serve({**kept, **{node: snapshots[node] for node in added}})
            await self._all_well(new.mesh, added)
        told = self.control.serve(snapshots)
        gone = [name for name in self._fleet.names if name not in self._wanted(new)]
        if gone:
            await self.control.in_effect()
            await self._fleet.stop(gone)
        return told

    async def _run(self, wanted: Plan) -> None:
        specs = self._wanted(wanted)
        ports = [wanted.placement.port(f"workload:{name}") for name in wanted.workloads]
        self._ports.release(*(port for port in ports))  # a program may not share a reserved port
        echo_ran = self._fleet.get(ECHO) is not None
        await self._fleet.start(specs)
        echo = self._fleet.get(ECHO)
        if echo_ran and echo:
            self._tell_echo(echo, wanted)

    def _started(self, process: Process) -> None:
        if process.name == ECHO:
            self._tell_echo(process, self.plan)

    def _tell_echo(self, process: Process, wanted: Plan) -> None:
        """It answers with a line when it serves all of this, or says what it can't."""
        self._echo_answer = asyncio.get_running_loop().create_future()
        process.write(encode(wanted.echoes))

    def _heard(self, process: Process, line: str) -> None:
        answers = process.name == ECHO and (line == READY or line.startswith(ERROR))
        if answers and not self._echo_answer.done():
            self._echo_answer.set_result(line)

    def _wanted(self, wanted: Plan) -> dict[str, ProcessSpec]:
        """Every process that this plan needs."""
        specs: dict[str, ProcessSpec] = {}
        if wanted.echoes:
            specs[ECHO] = process_spec(ECHO)
        for name, spec in wanted.workloads.items():
            specs[name] = spec
        for node in wanted.proxies:
            specs[_ENVOY + node] = self._envoy(node)
        return specs

    def _envoy(self, node: str) -> ProcessSpec:
        config = bootstrap(
            EnvoyNode(node, self.plan.mesh.name, self._taken[_XDS], self._port(_ADMIN + node))
        )
        command = arguments(self.options.envoy.path, config, concurrency=self.options.concurrency)
        return ProcessSpec(_ENVOY + node, command, log_path=self._log(f"envoy-{node}"))

    def _log(self, name: str) -> Path:
        return self.options.folder / f"{name}.log"

    async def _all_well(self, mesh: Mesh, nodes: Iterable[str]) -> None:
        """Wait until everything answers, or an Envoy refuses what it was sent."""
        answers = asyncio.ensure_future(self._ready(mesh, nodes))
        settled = asyncio.ensure_future(self.control.in_effect())
        try:
            await asyncio.wait({answers, settled}, return_when=asyncio.FIRST_COMPLETED)
            refused = self.control.refused
            if refused:
                raise PatternError(_problem(each) for each in refused.values())
            await answers
        finally:
            answers.cancel()
            settled.cancel()

    async def _ready(self, mesh: Mesh, nodes: Iterable[str]) -> None:
        """Wait for every workload, and for these nodes' Envoys."""
        failures = await asyncio.gather(
            *(self._workload_ready(mesh, name) for name in self.plan.workloads),
            self._echo_ready(),
            *(self._envoy_live(node) for node in nodes),
        )
        problems = [problem for problem in failures if problem]
        if problems:
            raise PatternError(problems)

    async def _workload_ready(self, mesh: Mesh, name: str) -> Problem | None:
        process = self._fleet.get(name)
        assert process is not None
        try:
            await wait_for_port(process, self.plan.placement.port(f"workload:{name}"))
        except NotReady as error:
            return Problem(_place_of(mesh, name), str(error))
        return None

    async def _echo_ready(self) -> Problem | None:
        process = self._fleet.get(ECHO)
        if process is None:
            return None
        try:
            answer = asyncio.shield(self._echo_answer)
            line = await or_exit(process, answer, "listen", READY_WITHIN)
        except NotReady as error:
            line = str(error)
        return None if line == READY else Problem(Place(self.plan.mesh.name), f"echo: {line}")

    async def _envoy_live(self, node: str) -> Problem | None:
        process = self._fleet.get(_ENVOY + node)
        assert process is not None
        try:
            await wait_for_live(process, self._taken[_ADMIN + node])
        except NotReady as error:
            return Problem(Place(self.plan.mesh.name), str(error))
        return None

    # Its ports.

    def _place(self, mesh: Mesh) -> Placement:
        """A port for every need; those that have one keep it."""
        self._port(_XDS)
        wanted = sorted(needs(mesh), key=lambda need: need.port is None)  # asked-for ones first
        for need in wanted:
            self._port(need.key, need)
        keys = [need.key for need in wanted]
        return Placement({key: self._taken[key] for key in keys})

    def _port(self, key: str, need: Need | None = None) -> int:
        asked = need.port if need else None
        if key not in self._taken or (asked and self._taken[key] != asked):
            try:
                self._taken[key] = self._ports.take(asked)
            except PortInUse as error:
                place = need.place if need and need.place else Place(key)
                raise PatternError.at(place, str(error)) from error
        return self._taken[key]


def _problem(refused: Refused) -> Problem:
    """A refusal at the line that made the resource; the text repeats neither."""
    file, line, column = (refused.place or "mesh:1:1").rsplit(":", 2)
    text = refused.text.removeprefix(f"{refused.place}: ")
    return Problem(Place(file, int(line), int(column)), text)


def _place_of(mesh: Mesh, instance_id: str) -> Place:
    for service in mesh.services.values():
        for version, instance in zip(service.versions, service.instances(), strict=True):
            if instance.id == instance_id:
                return version.place
    return Place(mesh.name)
