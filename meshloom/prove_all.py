"""``meshloom prove --all``: every pattern of the catalogue, several at a time.

A door: each proof is a process of its own, so that none can disturb another, and most of a proof is
waiting. Nothing is tried twice: what luck can do is in each claim's own bounds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from meshloom.junit import JunitCase, junit_xml
from meshloom.output import Progress, counted, emit

MAX_LINE = 16 * 2**20  # bytes of one line that a proof writes
LAST_LINES = 20  # of a proof that ended otherwise than by its claims


@dataclass(slots=True)
class Outcome:
    """Of one pattern's file. ``said`` is what a proof wrote that could not be carried out."""

    name: str
    file: Path
    claims: list[dict[str, Any]] = field(default_factory=list)
    code: int = 0
    seconds: float = 0.0
    said: str = ""

    @property
    def held(self) -> int:
        return sum(bool(claim["holds"]) for claim in self.claims)


def prove_all(files: Sequence[Path], jobs: int | None, as_lines: bool, junit: Path | None) -> int:
    """Prove each file by itself, ``jobs`` at a time; the exit code."""
    start = time.perf_counter()
    outcomes = asyncio.run(_all(files, jobs or os.cpu_count() or 1, as_lines))
    seconds = time.perf_counter() - start
    if junit:
        cases = [case for outcome in outcomes for case in _cases(outcome)]
        junit.write_text(junit_xml("meshloom", cases, seconds))
    good = sum(outcome.code == 0 for outcome in outcomes)
    if as_lines:
        emit("result", patterns=len(outcomes), held=good, seconds=round(seconds, 3))
    else:
        claims = sum(len(outcome.claims) for outcome in outcomes)
        held = sum(outcome.held for outcome in outcomes)
        typer.echo(
            f"{good} of {counted(len(outcomes), 'pattern')}, {held} of {counted(claims, 'claim')} "
            f"hold   {seconds:.1f} s"
        )
    worst = max((outcome.code for outcome in outcomes), default=0)
    return min(worst, 2)


async def _all(files: Sequence[Path], jobs: int, as_lines: bool) -> list[Outcome]:
    progress, found = Progress(), []
    async for outcome in _proven(files, jobs):
        found.append(outcome)
        progress.clear()
        _show(outcome, as_lines)
        progress.show(f"{len(found)} of {len(files)}")
    progress.clear()
    return found


async def _proven(files: Sequence[Path], jobs: int) -> AsyncIterator[Outcome]:
    """Outcomes as they come."""
    free = asyncio.Semaphore(jobs)

    async def one(file: Path) -> Outcome:
        async with free:
            return await _prove(file)

    under_way = [asyncio.ensure_future(one(file)) for file in files]
    try:
        for done in asyncio.as_completed(under_way):
            yield await done
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _prove(file: Path) -> Outcome:
    outcome, start = Outcome(file.stem, file), time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meshloom", "prove", "--json", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_LINE,
    )
    try:
        told, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    for line in told.splitlines():
        event = json.loads(line)
        if event["event"] == "claim":
            outcome.claims.append(event)
    outcome.code = process.returncode or 0
    if outcome.code not in (0, 1) or (outcome.code and not outcome.claims):
        outcome.said = "\n".join(said.decode(errors="replace").splitlines()[-LAST_LINES:])
    outcome.seconds = time.perf_counter() - start
    return outcome


def _show(outcome: Outcome, as_lines: bool) -> None:
    if as_lines:
        told = {"pattern": outcome.name, "holds": outcome.code == 0, "claims": outcome.claims}
        emit("proof", **told, seconds=round(outcome.seconds, 3), said=outcome.said)
        return
    mark = "✓" if outcome.code == 0 else "✗"
    claims = f"{outcome.held} of {counted(len(outcome.claims), 'claim')}"
    typer.echo(f"  {mark} {outcome.name:32} {claims:14} {outcome.seconds:6.1f} s")
    for verdict in _failed(outcome):
        typer.echo(f"      {verdict['place']}: {_told(verdict)}")
    for line in outcome.said.splitlines():
        typer.echo(f"      {line}")


def _failed(outcome: Outcome) -> list[dict[str, Any]]:
    verdicts = (verdict for claim in outcome.claims for verdict in claim["verdicts"])
    return [verdict for verdict in verdicts if not verdict["holds"]]


def _told(verdict: dict[str, Any]) -> str:
    return f"{verdict['claim']}: expected {verdict['expected']}, saw {verdict['seen']}"


def _cases(outcome: Outcome) -> list[JunitCase]:
    if outcome.said:
        return [JunitCase(outcome.name, outcome.name, outcome.seconds, [(outcome.said, "")])]
    return [
        JunitCase(
            outcome.name,
            claim["title"],
            claim["seconds"],
            [
                (_told(verdict), "\n".join([verdict["place"], *verdict["evidence"]]))
                for verdict in claim["verdicts"]
                if not verdict["holds"]
            ],
        )
        for claim in outcome.claims
    ]
