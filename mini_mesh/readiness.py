"""Whether all parts of a mesh answer, and whose line it is if one does not.

A door: it waits. What it waits for is in ``processes/ready.py``, the echo and the control plane.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mesh_yaml.place import DocumentError, Place, Problem
from mini_mesh.allotment import Allotment, admin
from mini_mesh.echo_host import ECHO, EchoHost
from mini_mesh.events import Event, Refused
from mini_mesh.plan import Plan
from mini_mesh.processes.process import Process
from mini_mesh.processes.ready import NotReady, wait_for_live, wait_for_port
from mini_mesh.processes.told import READY_WITHIN

if TYPE_CHECKING:
    from mini_mesh.control.plane import ControlPlane

OTHER_FAILURES = 0.2  # seconds after the first failure in which others are told with it
ENVOY = "envoy:"  # what an Envoy's process is called: this and its node


class Readiness:
    """Waits for what was started; told of each event of the control plane."""

    def __init__(self, echo: EchoHost, ports: Allotment) -> None:
        self._echo, self._ports = echo, ports
        self._refusal = asyncio.Event()  # set when a node refuses some of its config

    def heard(self, event: Event) -> None:
        if isinstance(event, Refused):
            self._refusal.set()

    async def of_all(self, plan: Plan, control: ControlPlane, fresh: list[Process]) -> None:
        """Until ``fresh`` answer and every node has accepted its config.

        Raises:
            DocumentError: a process ended or was silent, or a node refused its config.
        """
        self._refusal.clear()
        _raise_refused(control)
        answers = asyncio.ensure_future(self.of(plan, fresh))
        in_effect = asyncio.ensure_future(control.in_effect())
        refusal = asyncio.ensure_future(self._refusal.wait())
        try:
            await asyncio.wait({answers, refusal}, return_when=asyncio.FIRST_COMPLETED)
            _raise_refused(control)
            await answers
            # a refused listener does not keep an Envoy from being LIVE: ask what it made of all
            await asyncio.wait_for(in_effect, READY_WITHIN)
            _raise_refused(control)
        except TimeoutError as error:
            silent = f"an Envoy did not take its config within {READY_WITHIN:g} s"
            raise DocumentError.at(whole(plan), silent) from error
        finally:
            answers.cancel()
            in_effect.cancel()
            refusal.cancel()

    async def of(self, plan: Plan, fresh: list[Process]) -> None:
        """Until these answer, and the echo serves what it was told. Raises ``DocumentError``."""
        others = (process for process in fresh if process.name != ECHO)
        parts = [asyncio.ensure_future(self._of_echo(plan))]
        parts += [asyncio.ensure_future(self._of_part(plan, process)) for process in others]
        try:
            for part in asyncio.as_completed(parts):
                if await part:
                    await asyncio.wait(parts, timeout=OTHER_FAILURES)
                    break
        finally:
            for each in parts:
                each.cancel()
        problems = [problem for part in parts if part.done() and (problem := part.result())]
        if problems:
            raise DocumentError(problems)

    async def _of_part(self, plan: Plan, process: Process) -> Problem | None:
        node = process.name.removeprefix(ENVOY)
        try:
            if node != process.name:
                await wait_for_live(process, self._ports.port(admin(node)))
            else:
                await wait_for_port(process, plan.placement.port(f"workload:{node}"))
        except NotReady as error:
            return Problem(place_of(plan, process.name), str(error))
        return None

    async def _of_echo(self, plan: Plan) -> Problem | None:
        wrong = await self._echo.problem()
        return Problem(whole(plan), f"echo: {wrong}") if wrong else None


def place_of(plan: Plan, process: str) -> Place:
    """The line that a process is there for."""
    for service in plan.mesh.services.values():
        for version, instance in service.workloads():
            if instance.id == process.removeprefix(ENVOY):
                return version.place
    return whole(plan)


def whole(plan: Plan) -> Place:
    """Of what is nobody's in particular: the first file."""
    return Place(str(next(iter(plan.mesh.files), plan.mesh.name)))


def _raise_refused(control: ControlPlane) -> None:
    if control.refused:
        raise DocumentError(_problem(each) for each in control.refused.values())


def _problem(refused: Refused) -> Problem:
    """A refusal at the line that made the resource; the text repeats neither."""
    file, line, column = (refused.place or "mesh:1:1").rsplit(":", 2)
    text = refused.text.removeprefix(f"{refused.place}: ")
    return Problem(Place(file, int(line), int(column)), text)
