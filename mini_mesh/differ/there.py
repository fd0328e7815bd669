"""Envoy's side: what the rig saw of a case, into a view."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_traffic import Request, replace
from mini_mesh.differ.case import Case
from mini_mesh.differ.ear import TICK
from mini_mesh.differ.view import Ending, View
from mini_mesh.filter_rig import client
from mini_mesh.filter_rig.config import UPSTREAM, WasmFilter
from mini_mesh.filter_rig.log import Line, crossings, logged, without
from mini_mesh.filter_rig.rig import Exchanged, PortsUsed, Rig
from mini_mesh.filter_rig.upstream import Script
from mini_mesh.filter_rig.wire import Message

_ENDINGS = {
    client.Ending.ANSWERED: Ending.ANSWERED,
    client.Ending.CLOSED: Ending.RESET,
    client.Ending.NOTHING: Ending.NOTHING,
}


async def run(rig: Rig, chain: str, case: Case, patience: float) -> tuple[View, PortsUsed]:
    """One case through Envoy, and the ports that it took. RigError: Envoy has ended."""
    script = Script(case.answer, chunks=case.answer_pieces())
    exchanged = await rig.exchange(
        chain,
        case.request,
        {UPSTREAM: lambda message: script},
        case.request_pieces(),
        patience,
    )
    return _view(exchanged, rig.layout.chains[chain]), exchanged.ports


def _view(exchanged: Exchanged, filters: Sequence[WasmFilter]) -> View:
    lines = without(exchanged.lines, TICK)
    ending = _ENDINGS[exchanged.received.ending]
    message = exchanged.received.message
    return View(
        ending,
        message.response if message is not None and ending is Ending.ANSWERED else None,
        _whole(exchanged.upstream),
        {name: _whole(seen) for name, seen in exchanged.callouts.items()},
        logs(lines, filters),
        crossings(lines),
    )


def logs(lines: Sequence[Line], filters: Sequence[WasmFilter]) -> list[tuple[str, str]]:
    """What the filters logged, in their requests and on their root contexts."""
    prefixes = []
    for wasm in filters:
        config = wasm.config
        of_root = " ".join(part for part in (config.root_id, config.vm_id) if part)
        prefixes += [wasm.log_prefix, of_root]
    return [(said.level, said.message) for said in logged(lines, prefixes)]


def _whole(messages: Sequence[Message]) -> list[Request]:
    """A request that a filter ended in its middle is none for the upstream."""
    return [replace(message.request, scheme="http") for message in messages if message.whole]
