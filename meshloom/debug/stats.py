"""``meshloom debug stats``: what changed in Envoys' stats between two moments."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.arguments import Json, MeshName, parse_for
from meshloom.debug.nodes import ALL, Whose

if TYPE_CHECKING:
    from debugger.stats.change import Change
    from debugger.stats.naming import Names
    from tap.redact.linear import Regex

MAX_PATTERN = 1_000  # characters of a regular expression
USUAL = "5s"

Found = Mapping[str, list["Change"]]


def stats(
    whose: Whose = ALL,
    match: Annotated[
        str, typer.Option("--match", metavar="RE2", help="Only stats whose names match.")
    ] = "",
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help=f"How long.  [default: {USUAL}]")
    ] = None,
    until_enter: Annotated[
        bool, typer.Option("--until-enter", help="Until you press Enter, instead.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what moves because somebody looks.")
    ] = False,
    mesh: MeshName = None,
    as_json: Json = False,
) -> None:
    """What is counted meanwhile: counters and rates, gauges, quantiles of this interval alone."""
    from debugger.admin.interface import AdminError
    from meshloom.debug.nodes import admins_of, bad_input, nodes_of
    from meshloom.state import find_mesh

    if until_enter and for_ is not None:
        raise typer.BadParameter("wanted one of the two", param_hint="--for, --until-enter")
    seconds = None if until_enter else parse_for(for_ or USUAL)
    pattern = _pattern(match)
    try:
        state = find_mesh(mesh).state
        admins = admins_of(state, nodes_of(state, whose))
        seconds, found, names = asyncio.run(_compare(admins, seconds))
    except (AdminError, ValueError) as error:
        bad_input("stats", error, error)
    shown = {node: _chosen(each, pattern, everything) for node, each in found.items()}
    if as_json:
        told = {node: [_as_json(each, names[node]) for each in of] for node, of in shown.items()}
        typer.echo(json.dumps({"seconds": seconds, "nodes": told}))
        return
    for node, each in shown.items():
        for line in _lines(node, each, names[node], seconds):
            typer.echo(line)


def _pattern(text: str) -> Regex | None:
    from meshloom.debug.nodes import bad_input
    from tap.redact.linear import RegexError, regex

    if len(text) > MAX_PATTERN:
        bad_input("stats", f"--match: {len(text)} characters, wanted at most {MAX_PATTERN}")
    try:
        return regex(text) if text else None
    except RegexError as error:
        bad_input("stats", f"--match: {error}", error)


async def _compare(
    admins: Mapping[str, str], seconds: float | None
) -> tuple[float, dict[str, list[Change]], dict[str, Names]]:
    """How long it was in fact, what changed, and how things are called. Raises ``AdminError``."""
    from debugger.admin.interface import interfaces
    from debugger.stats.change import changes
    from debugger.traffic.ask import names, reading

    async with interfaces(admins) as envoys:
        before = await asyncio.gather(*map(reading, envoys.values()))
        await _wait(seconds)
        after = await asyncio.gather(*map(reading, envoys.values()))
        called = await asyncio.gather(*map(names, envoys.values()))
    found = {
        node: list(changes(one, two)) for node, one, two in zip(envoys, before, after, strict=True)
    }
    took = after[0].at - before[0].at if after else 0.0
    return took, found, dict(zip(envoys, called, strict=True))


async def _wait(seconds: float | None) -> None:
    if seconds is not None:
        await asyncio.sleep(seconds)
        return
    typer.echo("counting; press Enter to stop", err=True)
    await asyncio.to_thread(sys.stdin.readline)


def _chosen(found: list[Change], pattern: Regex | None, everything: bool) -> list[Change]:
    from debugger.stats.naming import is_own

    return [
        each
        for each in found
        if (everything or not is_own(each.name))
        and (pattern is None or pattern.search(each.name.encode()))
    ]


def _as_json(change: Change, names: Names) -> dict[str, object]:
    subject = names.subject(change.name)
    return {**asdict(change), "about": f"{subject.kind} {subject.name}".strip()}


def _lines(node: str, found: list[Change], names: Names, seconds: float) -> Iterator[str]:
    count = f"{len(found)} changes" if found else "nothing changed"
    yield f"{node}: {count} in {seconds:.1f} s"
    groups: dict[str, list[tuple[str, Change]]] = {}
    for each in found:
        subject = names.subject(each.name)
        group = groups.setdefault(f"{subject.kind} {subject.name}".strip(), [])
        group.append((subject.what, each))
    for about, of in groups.items():
        yield f"  {about}"
        width = max(len(what) for what, _ in of)
        yield from (f"    {what:{width}}  {_said(each)}" for what, each in of)


def _said(change: Change) -> str:
    if change.kind == "gauge":
        return f"{change.now - change.amount} → {change.now}"
    restarted = "   counts anew" if change.restarted else ""
    counted = f"+{change.amount}   {change.rate:.1f}/s"
    names = {0.5: "p50", 0.9: "p90", 0.99: "p99", 1.0: "max"}
    quantiles = (f"{names[share]} {value:.3g}" for share, value in change.quantiles.items())
    return "   ".join([counted, *quantiles]) + restarted
