"""A door: drives a claim's traffic through a running mesh and has what came of it judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mini_mesh.mesh import MiniMesh
from mini_mesh.proving import commands, configs, counters, probe, stats, trouble
from mini_mesh.proving.batches import arrivals, batches
from mini_mesh.proving.judge import judge
from mini_mesh.proving.observed import Happened, Observed, Sample
from mini_mesh.proving.outgoing import Meanwhile, outgoing
from mini_mesh.proving.record import Record
from mini_mesh.proving.traffic import send
from mini_mesh.proving.verdict import Verdict, wording

if TYPE_CHECKING:
    from mini_mesh.proving.witness import Witness


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim with its verdicts; ``seconds`` is what proving it took, and ``record`` what is left
    of its requests."""

    claim: ClaimSpec
    title: str
    verdicts: tuple[Verdict, ...]
    seconds: float
    record: Record = Record()

    @property
    def holds(self) -> bool:
        return all(verdict.holds for verdict in self.verdicts)


async def prove(
    mesh: MiniMesh,
    starting: Callable[[Sequence[ClaimSpec]], None] = lambda claims: None,
    witness: Witness | None = None,
) -> AsyncIterator[Proof]:
    """Prove each claim of the mesh's files, in their order; ``starting`` hears which are next.
    ``witness`` is needed where a claim is about what Envoys tell.

    Some run side by side: ``batches``.
    """
    for batch in batches(mesh.draft):
        starting(batch)
        for proof in await asyncio.gather(*(_prove(claim, mesh, witness) for claim in batch)):
            yield proof


async def _prove(claim: ClaimSpec, mesh: MiniMesh, witness: Witness | None) -> Proof:
    start = time.perf_counter()
    found: list[Verdict] = []
    record = Record()
    if "envoy" in claim.engines:
        observed, draft = await _prepared(claim, mesh, witness)
        record = Record.of(observed)
        found += judge(claim, draft, observed)
    if "wasmtime" in claim.engines:
        from mini_mesh.proving import locally

        # beside the event loop: others' requests, whose times count, must not wait for it
        found += await asyncio.to_thread(
            lambda: [*locally.judge(claim, mesh.draft, mesh.plan.placement)]
        )
    return Proof(claim, wording(claim), tuple(found), time.perf_counter() - start, record)


async def _prepared(
    claim: ClaimSpec, mesh: MiniMesh, witness: Witness | None
) -> tuple[Observed, Draft]:
    """What was seen in the mesh as the claim wants it, and what it was like then."""
    for name in claim.start:
        await trouble.start(name, mesh)
    for name in claim.stop:
        await trouble.stop(name, mesh)
    if claim.wait is not None:
        await asyncio.sleep(claim.wait.total_seconds())
    if claim.with_ is None:
        return await _beside(claim, mesh, witness), mesh.draft
    async with trouble.otherwise(mesh, claim):
        return await _beside(claim, mesh, witness), mesh.draft


async def _beside(claim: ClaimSpec, mesh: MiniMesh, witness: Witness | None) -> Observed:
    """What was seen, and what the claim's commands came to."""
    if not claim.runs:
        return await _heard(claim, mesh, witness)
    async with commands.running(claim, mesh) as running:
        observed = await _heard(claim, mesh, witness)
        await running.all_ended()
    return replace(observed, ran=running.ran)


async def _heard(claim: ClaimSpec, mesh: MiniMesh, witness: Witness | None) -> Observed:
    """What was seen, and what Envoys told of it if the claim is about that."""
    if not claim.is_witnessed:
        return await _observe(claim, mesh)
    assert witness is not None, "a claim about what Envoys tell needs a witness"
    async with witness.hearing(claim) as testimony:
        observed = await _observe(claim, mesh)
    return replace(observed, crossed=testimony.exchanges, lost=testimony.lost)


async def _observe(claim: ClaimSpec, mesh: MiniMesh) -> Observed:
    plan, admins = mesh.plan, mesh.admins
    counted = bool(arrivals(claim))
    before = await counters.settled(plan, admins) if counted else {}
    served, since = configs.served(mesh), time.time()
    stood = await stats.read(admins) if claim.stats else {}
    if claim.peak:
        await mesh.peaks()
    samples, happened = await _send_meanwhile(claim, mesh)
    peaks = await mesh.peaks() if claim.peak else {}
    # somebody may have come or gone meanwhile
    after = await counters.settled(mesh.plan, mesh.admins) if counted else {}
    reached = {name: count - before.get(name, 0) for name, count in after.items()}
    grown = stats.grown(stood, await stats.read(mesh.admins)) if claim.stats else {}
    stances = await configs.standing(mesh, served, since) if claim.config else {}
    return Observed(samples, reached, peaks, grown, stances, happened=happened)


async def _send_meanwhile(
    claim: ClaimSpec, mesh: MiniMesh
) -> tuple[tuple[Sample, ...], tuple[Happened, ...]]:
    """Send, while that happens which the claim says; then all is as it was before."""
    if not claim.during:
        return await _send(claim, mesh), ()
    meanwhile = Meanwhile()
    sending = asyncio.ensure_future(_send(claim, mesh, meanwhile))
    begun = asyncio.ensure_future(meanwhile.begun.wait())
    try:
        await asyncio.wait({sending, begun}, return_when=asyncio.FIRST_COMPLETED)
        happened = await trouble.happen(claim.during, mesh)
    finally:
        begun.cancel()
        meanwhile.over.set()
        samples = await sending
        await trouble.mend(claim.during, mesh)
    return samples, happened


async def _send(
    claim: ClaimSpec, mesh: MiniMesh, meanwhile: Meanwhile | None = None
) -> tuple[Sample, ...]:
    """From the caller's Envoy, or as the caller itself where it has none."""
    if not claim.send:
        return ()
    described = mesh.draft.mesh
    caller = claim.caller(described)
    if not described.is_proxyless(caller):
        return await send(outgoing(claim, mesh, meanwhile))
    first = next(described.services[caller].instances())
    return await probe.send_as(mesh.plan.grpc[first.id], outgoing(claim, mesh))
