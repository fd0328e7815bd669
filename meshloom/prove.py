"""``meshloom prove``: does the mesh do what its file says that one would see?"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import EnvoyPath, Json, SomeFiles, Variables, parse_variables
from meshloom.output import Progress, as_json, emit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mesh_patterns.draft import Draft
    from mesh_patterns.expect import ClaimSpec
    from meshloom.junit import JunitCase
    from mini_mesh.envoy_binary import EnvoyBinary
    from mini_mesh.mesh import MiniMesh
    from mini_mesh.proving.prover import Proof
    from mini_mesh.proving.witness import Witness

DRAIN_SECONDS = 1  # nobody waits for requests on listeners that a claim has replaced


def prove(
    files: SomeFiles = None,
    json_: Json = False,
    all_: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Each file by itself, and each .yaml of a folder; without any the catalogue.",
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="At a time, with --all; one a core.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page to this file, with plots.")
    ] = None,
    var: Variables = None,
    envoy: EnvoyPath = None,
) -> None:
    """Prove what the files claim, on real Envoys.

    Brings the mesh up, drives the traffic of `expect`, and prints what was seen, claim by claim.
    Of files without claims, others' above all, it proves what their patterns promise.

    Exits 0 when every claim holds, 1 when one does not, 2 on bad input.
    """
    from meshloom.running import find_envoy

    if all_:
        if html:
            raise typer.BadParameter("a page is of one mesh: --all has none", param_hint="--html")
        more = _handed_on(var, envoy)
        raise typer.Exit(_prove_all(files or [], jobs, json_, junit, more))
    if not files:
        raise typer.BadParameter("name the files, or say --all", param_hint="FILES")
    draft, promised = _loaded(files, var)
    binary = find_envoy(envoy)
    start = time.perf_counter()
    proofs = asyncio.run(_prove(draft, binary, json_, promised))
    seconds = time.perf_counter() - start
    _write(draft, proofs, seconds, binary.describe(), junit, html)
    held = sum(proof.holds for proof in proofs)
    if json_:
        emit("result", held=held, claims=len(proofs), seconds=round(seconds, 3))
    else:
        typer.echo(f"{held} of {len(proofs)} claims hold   {seconds:.1f} s")
    raise typer.Exit(0 if held == len(proofs) else 1)


def _write(
    draft: Draft,
    proofs: list[Proof],
    seconds: float,
    envoy: str,
    junit: Path | None,
    html: Path | None,
) -> None:
    """The reports that somebody asked for."""
    if junit:
        from meshloom.junit import junit_xml

        cases = [_junit_case(draft.mesh.name, proof) for proof in proofs]
        junit.write_text(junit_xml(draft.mesh.name, cases, seconds))
    if html:
        from meshloom.proof_page.page import page

        html.write_text(page(draft, proofs, envoy, seconds), encoding="utf-8")


def _loaded(files: list[Path], var: list[str] | None) -> tuple[Draft, bool]:
    """What is to be proven, and whether it is what its patterns promise. Raises DocumentError."""
    from mesh_patterns.load import load
    from mesh_patterns.promises import promises
    from mesh_yaml.place import DocumentError, Place
    from mini_mesh.proving import filters, sequence

    draft = load(files, parse_variables(var))
    promised = not draft.mesh.claims
    if promised:
        draft.mesh = replace(draft.mesh, claims=promises(draft))
    if not draft.mesh.claims:
        place = Place(str(files[0]))
        raise DocumentError.at(
            place, "has no 'expect', and its patterns promise nothing by themselves"
        )
    sequence.check(draft)
    filters.check(draft)
    _check_runs(draft)
    return draft, promised


def _check_runs(draft: Draft) -> None:
    """A mesh has one tap: commands', or that of claims about what Envoys tell."""
    from mesh_yaml.place import DocumentError

    witnessed = next((claim for claim in draft.mesh.claims if claim.is_witnessed), None)
    if witnessed is not None and _runs(draft):
        message = "a claim about what Envoys tell, beside one that 'runs' commands; give it a file"
        raise DocumentError.at(witnessed.place(), f"{message} of its own")


def _handed_on(var: Sequence[str] | None, envoy: Path | None) -> list[str]:
    """These options again, for a proof in a process of its own."""
    variables = [each for given in var or () for each in ("--var", given)]
    return [*variables, *(("--envoy", str(envoy)) if envoy else ())]


def _prove_all(
    named: Sequence[Path], jobs: int | None, as_lines: bool, junit: Path | None, more: Sequence[str]
) -> int:
    from mesh_patterns.catalogue import files
    from meshloom.prove_all import inside, prove_all

    found = inside(named) if named else [file for _, file in files()]
    return prove_all(found, jobs, as_lines, junit, more)


async def _prove(draft: Draft, binary: EnvoyBinary, as_lines: bool, promised: bool) -> list[Proof]:
    from meshloom.running import open_mesh
    from mini_mesh.proving.prover import prove as proving

    _head(draft, binary.describe(), as_lines, promised)
    proofs = []
    progress = Progress()
    progress.show("starting the mesh")
    opened = open_mesh(
        binary,
        lambda event: None,
        findable=_runs(draft),
        captured=_is_witnessed(draft),
        drain_seconds=DRAIN_SECONDS,
    )
    async with (
        opened as mesh,
        _witnessed(mesh, draft) as witness,
    ):

        def starting(claims: Sequence[ClaimSpec]) -> None:
            progress.show(_under_way(claims))

        async for proof in proving(mesh, starting, witness):
            progress.clear()
            proofs.append(proof)
            _show(proof, as_lines)
    return proofs


def _is_witnessed(draft: Draft) -> bool:
    return any(claim.is_witnessed for claim in draft.mesh.claims)


def _runs(draft: Draft) -> bool:
    """Whether claims run commands, which have to find the mesh, its tap, and its breakpoints."""
    return any(claim.runs for claim in draft.mesh.claims)


@asynccontextmanager
async def _witnessed(mesh: MiniMesh, draft: Draft) -> AsyncIterator[Witness | None]:
    """The mesh, started, with somebody who hears its Envoys where a claim is about that."""
    if _runs(draft):
        async with _offered(mesh, draft):
            yield None
        return
    if not _is_witnessed(draft):
        await mesh.start(draft)
        yield None
        return
    from meshloom.running import started
    from mini_mesh.proving.witness import Witness

    async with started(mesh, draft) as begun:
        witness = Witness(mesh)
        async with witness.hub.running():
            begun.pass_on(witness.hub)
            yield witness


@asynccontextmanager
async def _offered(mesh: MiniMesh, draft: Draft) -> AsyncIterator[None]:
    """The mesh, started, for other commands to look at and to hold requests of."""
    from meshloom.breakpoints import offer_desk
    from meshloom.running import offer_tap, started

    async with started(mesh, draft) as begun, offer_tap(mesh, begun), offer_desk(mesh):
        yield


def _under_way(claims: Sequence[ClaimSpec]) -> str:
    from mini_mesh.proving.verdict import wording

    others = f" and {len(claims) - 1} more" if len(claims) > 1 else ""
    return f"proving {wording(claims[0])}{others}"


def _head(draft: Draft, envoy: str, as_lines: bool, promised: bool) -> None:
    warnings = [*draft.mesh.warnings, *draft.warnings]
    if as_lines:
        about = {"mesh": draft.mesh.name, "envoy": envoy, "promised": promised}
        emit("starting", **about, warnings=as_json(warnings))
        return
    for warning in warnings:
        typer.echo(str(warning), err=True)
    typer.echo(f"{draft.mesh.name}    {envoy}")
    if promised:
        typer.echo("the files claim nothing: proving what their patterns promise")


def _show(proof: Proof, as_lines: bool) -> None:
    from mini_mesh.proving.luck import in_words

    if as_lines:
        emit("claim", **as_data(proof))
        return
    for verdict in proof.verdicts:
        mark = "✓" if verdict.holds else "✗"
        luck = f"   ({in_words(verdict.luck)})" if verdict.luck is not None else ""
        line = f"  {mark} {verdict.claim:58}   {verdict.expected:18}   {verdict.seen}{luck}"
        typer.echo(line)
        if not verdict.holds:
            for text in (verdict.place, *verdict.evidence):
                typer.echo(f"      {text}")


def _junit_case(mesh: str, proof: Proof) -> JunitCase:
    """One test case per claim; a claim that does not hold is a failure with what was seen."""
    from meshloom.junit import JunitCase

    failures = [
        (
            f"{verdict.claim}: expected {verdict.expected}, saw {verdict.seen}",
            "\n".join([verdict.place, *verdict.evidence]),
        )
        for verdict in proof.verdicts
        if not verdict.holds
    ]
    return JunitCase(mesh, proof.title, proof.seconds, failures)


def as_data(proof: Proof) -> dict[str, Any]:
    """A proof as JSON-like data."""
    return {
        "title": proof.title,
        "holds": proof.holds,
        "seconds": round(proof.seconds, 3),
        "verdicts": [
            {
                "claim": verdict.claim,
                "expected": verdict.expected,
                "seen": verdict.seen,
                "holds": verdict.holds,
                "place": verdict.place,
                "luck": verdict.luck,
                "evidence": list(verdict.evidence),
            }
            for verdict in proof.verdicts
        ],
    }
