"""A running mesh: its Envoys, its workloads and its control plane, kept as its files want it.

A door, and the wiring of all others in this room. :meth:`MiniMesh.start` brings a mesh up,
:meth:`MiniMesh.change` moves it to what changed files say and leaves alone what stays the same.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mesh_patterns.draft import Draft
from mesh_patterns.identity import has_tls_at_ingress
from mesh_patterns.model import CLIENT
from mesh_patterns.placement import HOST, Kinds, workload
from mesh_yaml.place import DocumentError
from mini_mesh.allotment import CONTROL_PLANE, Allotment, admin
from mini_mesh.beside.host import Beside
from mini_mesh.certificates.changeover import steps
from mini_mesh.certificates.files import BUNDLE, CERTIFICATES, CHAIN, KEY
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.certificates.renewal import Renewal
from mini_mesh.echo.config import Instance
from mini_mesh.echo_host import ECHO, EchoHost
from mini_mesh.events import Event, Ready
from mini_mesh.options import Options, envoy
from mini_mesh.plan import Plan, Surroundings, addresses, plan, promised
from mini_mesh.processes.fleet import Fleet, NotStarted
from mini_mesh.processes.process import Process, ProcessSpec
from mini_mesh.processes.told import READY_WITHIN
from mini_mesh.readiness import ENVOY, Readiness, place_of
from mini_mesh.rollouts.steering import Steering

if TYPE_CHECKING:
    from mesh_patterns.identity import Identity
    from mini_mesh.control.plane import ControlPlane
    from xds_server.snapshot import Snapshot

# Seconds between the last ACK and the end of what is not wanted any more: an Envoy's workers turn
# to what it accepted a moment later, and requests on their way come back. Longer ones are cut.
LAST_REQUESTS = 0.25


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
        self._ports = Allotment(options.first_port)
        self._name: str  # at the start: another one is no reason to start all Envoys anew
        self._echo = EchoHost()
        self._fleet = Fleet(report, self._echo.started, self._echo.heard)
        self._control: ControlPlane | None = None
        issuer = Issuer(authority=options.authority)
        self._certificates = Renewal(report, options.folder / CERTIFICATES, issuer)
        self._readiness = Readiness(self._echo, self._ports)
        self._away: set[str] = set()  # of the plan, and taken away
        self.beside = Beside(options.folder, report)
        self._rollouts = Steering(self, report)

    async def __aenter__(self) -> MiniMesh:
        self._stack.callback(self._ports.close)
        self._stack.callback(self._certificates.stop)
        self._stack.push_async_callback(self.beside.close)
        self._stack.push_async_callback(self._rollouts.stop)
        self._stack.push_async_callback(self._stop_control)  # when nobody asks it any more
        await self._stack.enter_async_context(self._fleet)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    # What it is.

    @property
    def admins(self) -> dict[str, str]:
        """The address of each Envoy's admin interface, by node."""
        return {node: f"{HOST}:{self._ports.port(admin(node))}" for node in self.plan.proxies}

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
            node: {"admin": f"http://{admin}", "pid": self._pid(ENVOY + node)}
            for node, admin in self.admins.items()
        }
        return {
            "name": self.plan.mesh.name,
            "pid": os.getpid(),
            "control_plane": f"{HOST}:{self._ports.port(CONTROL_PLANE)}",
            "envoy": self.options.envoy.describe(),
            "envoys": envoys,
            **addresses(self.plan),
            **self._shown(),
            **({"otlp": dict(self.options.otlp)} if self.options.otlp else {}),
            "objectives": promised(self.draft),
        }

    def _shown(self) -> dict[str, Any]:
        """What a client needs for TLS at the ingress: whom it trusts, and what it may show."""
        if not has_tls_at_ingress(self.draft.mesh):
            return {}
        folder = self.options.folder / CERTIFICATES / CLIENT
        files = {"ca": BUNDLE, "cert": CHAIN, "key": KEY}
        return {"tls": {name: str(folder / file) for name, file in files.items()}}

    def _pid(self, name: str) -> int | None:
        process = self._fleet.get(name)
        return process.pid if process else None

    # What it does.

    async def start(
        self, draft: Draft, before: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Bring the mesh up, and return when every part of it answers.

        ``before`` is awaited before an Envoy takes its first request.

        Raises:
            DocumentError: a port is taken, a workload died, an Envoy refused its config.
        """
        self._name = draft.mesh.name
        self.draft, self.plan = draft, self._planned(draft)
        fresh = await self._run(self.plan.echoes)
        await self.beside.tell(draft.beside)
        # The processes start while this one is busy importing Envoy's messages.
        from mesh_patterns.compile import compile_mesh

        identities = self._certificates.identities(draft)
        snapshots = compile_mesh(draft, self.plan.placement, identities)
        await self._start_control()
        await self.beside.ready(draft.beside)
        if before is not None:
            await before()
        self.control.serve(snapshots, self.plan.kinds)
        # gRPC looks for the control plane once and, where it is not there, 1 s later
        await self._all_well([*fresh, *await self._run(self.plan.echoes)])
        self._certificates.keep(self.control, draft)
        self._rollouts.keep(draft)
        self._report(Ready(time.perf_counter() - self._born, self.state()))

    async def _start_control(self) -> None:
        from mini_mesh.control.plane import ControlPlane

        self._control = ControlPlane(self._heard, self.options.rollback, lambda: self.admins)
        await self._control.start(self._ports.hand_over(CONTROL_PLANE))

    def _planned(self, draft: Draft, before: Plan | None = None) -> Plan:
        ports = self._ports.place(draft.mesh, before.mesh if before else None)
        options = self.options
        placement = replace(
            ports,
            captured=options.captures is not None,
            sockets=options.sockets,
            processed=options.processor is not None,
            gated=options.gate is not None,
            folder=options.folder,
        )
        port = self._ports.port(CONTROL_PLANE)
        otlp = self.options.otlp.get("grpc", "")
        around = Surroundings(port, self.options.folder, self._name, otlp)
        return plan(draft.mesh, placement, around)

    def _heard(self, event: Event) -> None:
        self._report(event)
        self._readiness.heard(event)

    async def _stop_control(self) -> None:
        if self._control is not None:
            await self._control.stop()

    async def change(self, draft: Draft) -> None:
        """Move the running mesh to ``draft``, and tell its Envoys.

        New parts are up before anybody is sent to them, and old ones end when nobody is. What an
        Envoy refuses of it is reported; with that Envoy, all that it may still send to goes on.

        Raises:
            DocumentError: as :meth:`start`; the mesh goes on as it was.
        """
        old_draft, old, told, ports = self.draft, self.plan, self._echo.told, self._ports.remember()
        try:
            new, shown, snapshots = self._compiled(draft)
        except DocumentError:
            self._certificates.identities(old_draft)
            self._ports.go_back(ports)
            raise
        served = {node: found for node in old.kinds if (found := self.control.snapshot(node))}
        await self.beside.tell(draft.beside)
        self.draft, self.plan = draft, new
        try:
            await self.beside.ready(draft.beside)
            await self._add(old, {**snapshots, **_of_same_kind(served, old.kinds, new.kinds)})
        except DocumentError:
            self.draft, self.plan = old_draft, old
            self._certificates.identities(old_draft)
            await self.beside.tell(old_draft.beside)
            await self._go_back(told, served, old.kinds)
            self._ports.go_back(ports)
            raise
        for step in steps(old_draft, old.placement, draft, new.placement, shown):
            await self._pass_through(step)
        self.control.serve(snapshots, new.kinds)
        self._certificates.keep(self.control, draft)
        self._rollouts.keep(draft)
        if await self._remove():
            await self.beside.keep(draft.beside)
            self._ports.give_back(ports, [*new.placement.ports, *map(admin, new.proxies)])

    def _compiled(self, draft: Draft) -> tuple[Plan, Mapping[str, Identity], dict[str, Snapshot]]:
        """What ``draft`` needs, all certificates that are shown on the way there, and its config.

        Raises DocumentError.
        """
        from mesh_patterns.compile import compile_mesh

        new = self._planned(draft, self.plan)
        self._rollouts.settle(draft)
        shown = self._certificates.identities(self.draft)
        shown = {**shown, **self._certificates.identities(draft)}
        return new, shown, compile_mesh(draft, new.placement, shown)

    async def _pass_through(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Serve these until every Envoy does as they say."""
        self.control.serve(snapshots)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.control.in_effect(), READY_WITHIN)
        await asyncio.sleep(LAST_REQUESTS)

    def serve_again(self) -> None:
        """Serve the draft as it is by now: somebody has changed its weights."""
        from mesh_patterns.compile import compile_mesh

        identities = self._certificates.identities(self.draft)
        snapshots = compile_mesh(self.draft, self.plan.placement, identities)
        self.control.serve(snapshots, self.plan.kinds)

    # What happens to it on purpose.

    async def take_away(self, *names: str) -> None:
        """End these until :meth:`bring_back`: workloads by their instances' ids, and processes by
        their names. Changes of the mesh do not bring them back."""
        self._away.update(names)
        self._echo.serve(self._present(self._echo.told))
        await self._echo.problem()
        await self._fleet.stop([name for name in names if self._fleet.get(name)])

    def _present(self, served: tuple[Instance, ...]) -> tuple[Instance, ...]:
        return tuple(each for each in served if each.id not in self._away)

    async def bring_back(self, *names: str) -> None:
        """Run these again; return when they answer."""
        self._away.difference_update(names)
        await self._readiness.of(self.plan, await self._run(self.plan.echoes))
        self._fleet.settle()

    async def restart_control_plane(self, away: float) -> None:
        """Have no control plane for so many seconds, and then a new one."""
        await self.control.stop()
        await asyncio.sleep(away)
        await self._start_control()
        self.serve_again()
        self._certificates.keep(self.control, self.draft)

    async def peaks(self) -> Mapping[str, int]:
        """The most requests that were at a time at each built-in workload, by its instance's id,
        since this was last asked."""
        return await self._echo.peaks()

    def identities(self) -> Mapping[str, Identity]:
        """What its parts prove themselves with, by instance, the client and the ingress."""
        return self._certificates.identities(self.draft)

    def renew_certificates(self) -> None:
        """Serve new ones for all of the mesh now; else they are renewed in time."""
        self._certificates.renew(self.control, self.draft)

    async def _add(self, old: Plan, snapshots: Mapping[str, Snapshot]) -> None:
        """Start what the plan has and ``old`` had not; what ``old`` had still runs."""
        kept = await self._make_room(old)
        if self.plan.grpc.keys() - old.grpc.keys():  # these ask as soon as they run
            self._serve(snapshots)
        fresh = await self._run((*self.plan.echoes, *kept))
        if fresh or old.echoes != self.plan.echoes:
            self._serve(snapshots)
            await self._all_well(fresh)

    def _serve(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Serve those of the plan's nodes, and of no others."""
        kinds = self.plan.kinds
        self.control.serve({node: snapshots[node] for node in kinds}, kinds)

    async def _make_room(self, old: Plan) -> list[Instance]:
        """End what has the port of something new; the old echoes that need not end yet."""
        port, old_port = self.plan.placement.port, old.placement.port
        ports = {port(workload(instance)) for instance in self.plan.mesh.instances()}
        gone = [name for name in old.workloads if name not in self.plan.workloads]
        await self._fleet.stop([name for name in gone if old_port(f"workload:{name}") in ports])
        commands = {port(f"workload:{name}") for name in self.plan.workloads}
        staying = tuple(echo for echo in self._echo.told if echo.port not in commands)
        self._echo.serve(staying)
        await self._echo.problem()
        return [echo for echo in staying if echo.port not in ports]

    async def _go_back(
        self, told: tuple[Instance, ...], served: Mapping[str, Snapshot], kinds: Kinds
    ) -> None:
        """Run the plan again, of which some may have been stopped for another."""
        self.control.serve(served, kinds)
        with suppress(DocumentError):
            await self._readiness.of(self.plan, await self._run(told))
        self._fleet.settle()
        await self._fleet.stop(self._unwanted())

    async def _remove(self) -> bool:
        """End what the plan does not have, once every Envoy has let go of it; whether they did."""
        if not self._unwanted() and set(self._echo.told) == set(self.plan.echoes):
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(self.control.in_effect(), READY_WITHIN)
        if self.control.refused:
            return False
        await asyncio.sleep(LAST_REQUESTS)
        await self._run(self.plan.echoes)
        await self._fleet.stop(self._unwanted())
        return True

    def _unwanted(self) -> list[str]:
        wanted = self._wanted(self.plan)
        return [name for name in self._fleet.names if name not in wanted]

    async def _run(self, served: tuple[Instance, ...]) -> list[Process]:
        """Start what the plan needs, and have the echo serve these; what was started."""
        ports = [self.plan.placement.port(f"workload:{name}") for name in self.plan.workloads]
        self._ports.release(*ports)  # a program may not share a reserved port
        self._echo.serve(self._present(served))
        try:
            return await self._fleet.start(self._wanted(self.plan))
        except NotStarted as error:
            raise DocumentError.at(place_of(self.plan, error.name), str(error)) from error

    def _wanted(self, wanted: Plan) -> dict[str, ProcessSpec]:
        """Every process that this plan needs."""
        specs: dict[str, ProcessSpec] = {}
        if wanted.echoes:
            specs[ECHO] = self._echo.spec
        for name, spec in wanted.workloads.items():
            if self._control is not None or name not in wanted.grpc:
                specs[name] = spec
        for node in wanted.proxies:
            specs[ENVOY + node] = envoy(self.options, self._name, node, self._ports)
        return {name: spec for name, spec in specs.items() if name not in self._away}

    async def _all_well(self, fresh: list[Process]) -> None:
        """Wait until all that is new answers, or an Envoy refuses what it was sent."""
        await self._readiness.of_all(self.plan, self.control, fresh)
        self._fleet.settle()


def _of_same_kind(
    snapshots: Mapping[str, Snapshot], were: Kinds, are: Kinds
) -> dict[str, Snapshot]:
    """Without those of nodes that were an Envoy and are a gRPC process now, or the other way."""
    return {node: each for node, each in snapshots.items() if were[node] == are.get(node)}
