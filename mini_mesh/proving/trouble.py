"""A door: makes happen to a running mesh what a claim says happens meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from mesh_patterns.beside import SERVICES
from mesh_patterns.draft import Placed
from mesh_patterns.happening import AT_ONCE, CONTROL_PLANE, ENVOY, Happening
from mesh_patterns.model import EGRESS, INGRESS
from mesh_patterns.placement import NODE
from mesh_patterns.replicas import scaled
from mesh_patterns.selector import target
from mesh_yaml.place import Place
from mini_mesh.mesh import MiniMesh
from mini_mesh.proving import stats
from mini_mesh.proving.observed import Happened
from mini_mesh.readiness import ENVOY as ENVOY_PROCESS

FIRST = 0.2  # seconds of requests before anything happens, and after all has
_ENOUGH = timedelta(hours=1)  # a timeout that no request meets


async def happen(happenings: Sequence[Happening], mesh: MiniMesh) -> tuple[Happened, ...]:
    """All of it, one after the other, and when it did. What is stopped stays so."""
    await asyncio.sleep(FIRST)
    found = []
    for each in happenings:
        began = time.perf_counter()
        await _ACTIONS[each.action](each, mesh)
        found.append(Happened(str(each), began, time.perf_counter()))
    await asyncio.sleep(FIRST)
    return tuple(found)


async def mend(happenings: Sequence[Happening], mesh: MiniMesh) -> None:
    """Bring back what was stopped, and not started again."""
    away: dict[str, None] = {}
    for each in happenings:
        if each.action == "stop":
            away[each.what] = None
        elif each.action == "start":
            away.pop(each.what, None)
    for name in away:
        await start(name, mesh)


async def _restart(happening: Happening, mesh: MiniMesh) -> None:
    if happening.what == CONTROL_PLANE:
        await mesh.restart_control_plane(happening.lasting)
        await mesh.control.in_effect()
        return
    await mesh.take_away(*_processes(happening.what, mesh))
    await asyncio.sleep(happening.lasting)
    await mesh.bring_back(*_processes(happening.what, mesh))


async def stop(name: str, mesh: MiniMesh) -> None:
    """Take away workloads, or a service beside the Envoys, until :func:`start`."""
    if name in SERVICES:
        await mesh.beside.stop(name)
    else:
        await mesh.take_away(*_processes(name, mesh))


async def start(name: str, mesh: MiniMesh) -> None:
    """Bring back what :func:`stop` took away."""
    if name in SERVICES:
        await mesh.beside.start(name)
    else:
        await mesh.bring_back(*_processes(name, mesh))


async def _stop(happening: Happening, mesh: MiniMesh) -> None:
    await stop(happening.what, mesh)


async def _start(happening: Happening, mesh: MiniMesh) -> None:
    await start(happening.what, mesh)


async def _wait(happening: Happening, mesh: MiniMesh) -> None:
    await asyncio.sleep(happening.lasting)


def _processes(name: str, mesh: MiniMesh) -> list[str]:
    """Of ``reviews/v2`` its workloads, of ``envoy reviews/v2`` the Envoys before them."""
    described = mesh.draft.mesh
    whose = name.removeprefix(f"{ENVOY} ")
    if whose == name:
        at = target(described, name, Place("during"))
        return [each.id for each in at.instances(described)]
    if whose == EGRESS:
        return [f"{ENVOY_PROCESS}{EGRESS}"]
    if described.dataplane == NODE or whose == INGRESS:
        return [f"{ENVOY_PROCESS}{NODE if described.dataplane == NODE else INGRESS}"]
    return [f"{ENVOY_PROCESS}{each}" for each in _processes(whose, mesh)]


async def _push(happening: Happening, mesh: MiniMesh) -> None:
    """Each push changes every route that has no timeout of its own, to one that nobody meets."""
    edges = [edge for edge in mesh.draft.edges.values() if "timeout" not in edge.settings]
    place = Place("during")
    try:
        for number in range(happening.number):
            for edge in edges:
                after = _ENOUGH + timedelta(milliseconds=number)
                edge.settings["timeout"] = Placed(after, place)
            mesh.serve_again()
            if happening.what.endswith(AT_ONCE):
                await asyncio.sleep(0)
            else:
                await mesh.control.in_effect()
    finally:
        for edge in edges:
            del edge.settings["timeout"]
        mesh.serve_again()
        await mesh.control.in_effect()


async def _rotate(happening: Happening, mesh: MiniMesh) -> None:
    mesh.renew_certificates()
    await mesh.control.in_effect()


async def _scale(happening: Happening, mesh: MiniMesh) -> None:
    from mesh_patterns.load import apply

    name, count = happening.scaled
    described = mesh.draft.mesh
    await mesh.change(apply(scaled(described, target(described, name, Place("during")), count)))
    await mesh.control.in_effect()


_ACTIONS: Mapping[str, Callable[[Happening, MiniMesh], Awaitable[Any]]] = {
    "restart": _restart,
    "stop": _stop,
    "start": _start,
    "wait": _wait,
    "push": _push,
    "rotate": _rotate,
    "scale": _scale,
}


@asynccontextmanager
async def otherwise(mesh: MiniMesh, claim: Any) -> AsyncIterator[None]:
    """The mesh as the claim wants it: inside, its patterns hold in every Envoy."""
    from mesh_patterns.load import changed

    was = mesh.draft
    await _changed(mesh, changed(was.mesh, claim))
    try:
        yield
    finally:
        await _changed(mesh, was)


async def _changed(mesh: MiniMesh, draft: Any) -> None:
    await mesh.change(draft)
    await mesh.control.in_effect()
    await stats.drained(mesh.admins)
