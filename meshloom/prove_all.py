"""``meshloom prove --all``: many files, each a mesh of its own, several at a time.

A door: each proof is a process of its own, so that none can disturb another, and most of a proof is
waiting. Nothing is tried twice: what luck can do is in each claim's own bounds, and added up at the
end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from mesh_yaml.place import DocumentError, Place
from meshloom.junit import JunitCase, junit_xml
from meshloom.output import Progress, counted, emit

PATIENCE = 300.0  # seconds of one file; ours take a tenth of that
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

    @property
    def luck(self) -> float:
        """How likely it is at most that a claim which is true fails by chance: the sum over all
        bounds of which that is known."""
        verdicts = (verdict for claim in self.claims for verdict in claim["verdicts"])
        return sum(verdict["luck"] or 0.0 for verdict in verdicts)

    @property
    def broken(self) -> bool:
        """Whether it could not be proven at all."""
        return self.code not in (0, 1) or bool(self.code and not self.claims)


def inside(named: Sequence[Path]) -> list[Path]:
    """The files, and of each folder all that are below it.

    Raises DocumentError: a folder has none.
    """
    found: list[Path] = []
    for path in named:
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not files:
            raise DocumentError.at(Place(str(path)), "has no .yaml files in it")
        found += files
    return found


def prove_all(
    files: Sequence[Path],
    jobs: int | None,
    as_lines: bool,
    junit: Path | None,
    more: Sequence[str] = (),
) -> int:
    """Prove each file by itself, ``jobs`` at a time; the exit code. ``more`` are further arguments
    of each proof."""
    start = time.perf_counter()
    outcomes = asyncio.run(_all(files, jobs or os.cpu_count() or 1, as_lines, more))
    seconds = time.perf_counter() - start
    if junit:
        cases = [case for outcome in outcomes for case in _cases(outcome)]
        junit.write_text(junit_xml("meshloom", cases, seconds))
    _sum_up(outcomes, seconds, as_lines)
    if any(outcome.broken for outcome in outcomes):
        return 2
    return int(any(outcome.code for outcome in outcomes))


def _sum_up(outcomes: Sequence[Outcome], seconds: float, as_lines: bool) -> None:
    good = sum(outcome.code == 0 for outcome in outcomes)
    luck = sum(outcome.luck for outcome in outcomes)
    if as_lines:
        failed = [outcome.name for outcome in outcomes if outcome.code]
        counts = {"patterns": len(outcomes), "held": good, "failed": failed}
        emit("result", **counts, seconds=round(seconds, 3), luck=luck)
        return
    claims = sum(len(outcome.claims) for outcome in outcomes)
    held = sum(outcome.held for outcome in outcomes)
    typer.echo(
        f"{good} of {counted(len(outcomes), 'pattern')}, {held} of {counted(claims, 'claim')} "
        f"hold   {seconds:.1f} s   (p = {luck * 100:.2g} % that a true one fails by luck)"
    )


async def _all(
    files: Sequence[Path], jobs: int, as_lines: bool, more: Sequence[str]
) -> list[Outcome]:
    """In the order of the files."""
    outcomes = [Outcome(file.stem, file) for file in files]
    waiting, progress, under_way = iter(outcomes), Progress(), list[str]()

    async def worker() -> None:
        for outcome in waiting:
            under_way.append(outcome.name)
            progress.show(", ".join(under_way))
            await _prove(outcome, more)
            under_way.remove(outcome.name)
            progress.clear()
            _show(outcome, as_lines)

    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(worker())
    return outcomes


async def _prove(outcome: Outcome, more: Sequence[str]) -> None:
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meshloom", "prove", "--json", *more, "--", str(outcome.file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            told, said = await process.communicate()
    except TimeoutError:
        told, said = b"", f"was not done after {PATIENCE:g} s".encode()
    finally:
        if process.returncode is None:
            process.terminate()  # its meshes end with it, however it ends
            await process.wait()
    events = [json.loads(line) for line in told.splitlines()]
    outcome.claims = [event for event in events if event["event"] == "claim"]
    outcome.code = process.returncode or 0
    if outcome.broken:
        lines = said.decode(errors="replace").splitlines()[-LAST_LINES:]
        outcome.said = "\n".join(lines) or f"ended with {outcome.code}"
    outcome.seconds = time.perf_counter() - start


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
