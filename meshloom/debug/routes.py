"""``meshloom debug routes``: where requests go, without running anything."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Files, Json, Variables, parse_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debugger.routing.checks.entries import Entry
    from debugger.routing.checks.verdict import Coverage, Verdict
    from debugger.routing.decision import RouteLook
    from debugger.routing.table import Route, VirtualHost
    from mesh_patterns.draft import Draft

Expect = Annotated[
    Path | None, typer.Option("--expect", help="A file of requests, and where each should go.")
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")]
WIDE = 60  # characters of a cell that others are set beside


def routes(
    files: Files,
    expect: Expect = None,
    junit: Junit = None,
    var: Variables = None,
    as_json: Json = False,
) -> None:
    """List the routes of a mesh in order, or check where requests go.

    Decides as Envoy does, from the resources that it would get, and starts none.

    Exits 0 when all is as expected, 1 when something is not, 2 on bad input.
    """
    from debugger.routing.checks.entries import entries
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.load import load
    from mesh_patterns.placement import Placement

    draft = load(files, parse_variables(var))
    placement = Placement.imagined(draft.mesh)
    found = entries(draft, placement, compile_mesh(draft, placement))
    if expect is None:
        _list(found, as_json)
    else:
        _check(expect, draft, found, junit, as_json)


def _list(entries: Sequence[Entry], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"tables": [_table(entry) for entry in entries]}, indent=2))
        return
    for entry in entries:
        typer.echo(f"{entry.caller}, at {entry.node}: {entry.name}")
        for host in entry.table.hosts:
            typer.echo(f"  {host.name}   {', '.join(host.domains)}")
            rows = [_row(entry, route) for route in host.routes]
            widths = [
                max((len(row[i]) for row in rows if len(row[i]) <= WIDE), default=0)
                for i in range(3)
            ]
            for row in rows:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
                typer.echo(f"    {'   '.join([*cells, row[3]]).rstrip()}")


def _row(entry: Entry, route: Route) -> tuple[str, str, str, str]:
    from debugger.routing.words import wanted

    place = entry.place_of(route.path) or ""
    return f"{route.index + 1:>3}", wanted(route), f"→ {_does(route)}", place


def _does(route: Route) -> str:
    from debugger.routing.arriving.arrival import Arrival
    from debugger.routing.words import does
    from mesh_traffic import Request

    return does(route.act(Arrival(Request())))


def _table(entry: Entry) -> dict[str, Any]:
    return {
        "node": entry.node,
        "name": entry.name,
        "caller": entry.caller,
        "virtual_hosts": [_host(entry, host) for host in entry.table.hosts],
    }


def _host(entry: Entry, host: VirtualHost) -> dict[str, Any]:
    return {
        "name": host.name,
        "domains": list(host.domains),
        "routes": [
            {
                "name": route.name,
                "path": route.path,
                "conditions": [each.text for each in route.conditions],
                "does": _does(route),
                "place": entry.place_of(route.path),
            }
            for route in host.routes
        ],
    }


def _check(
    expect: Path, draft: Draft, entries: Sequence[Entry], junit: Path | None, as_json: bool
) -> None:
    from debugger.routing.checks.check import checks
    from debugger.routing.checks.read import read
    from debugger.routing.checks.verdict import coverage, judge

    asked = checks(read(expect), draft, entries)
    started = time.perf_counter()
    verdicts = [judge(check) for check in asked]
    seconds = time.perf_counter() - started
    covered = coverage(verdicts)
    if junit:
        _write_junit(junit, str(expect), verdicts, seconds)
    if as_json:
        typer.echo(json.dumps(_as_json(verdicts, covered), indent=2))
    else:
        _show(str(expect), verdicts, covered, seconds)
    raise typer.Exit(int(not all(verdict.holds for verdict in verdicts)))


def _show(file: str, verdicts: Sequence[Verdict], covered: Coverage, seconds: float) -> None:
    from meshloom.output import counted

    typer.echo(file)
    for verdict in verdicts:
        for line in _lines(verdict):
            typer.echo(line)
    held = sum(verdict.holds for verdict in verdicts)
    typer.echo(
        f"{held:,} of {counted(len(verdicts), 'check')} hold"
        f"   {covered.reached:,} of {counted(covered.routes, 'route')} reached"
        f"   {1000 * seconds:.1f} ms"
    )
    for each in covered.missed:
        typer.echo(f"{each.place}: no request from {each.caller} reaches {each.wanted}")


def _lines(verdict: Verdict) -> list[str]:
    from debugger.routing.words import outcome

    check, decision = verdict.check, verdict.decision
    came = " or ".join(outcome(action) for action in decision.possibilities)
    mark = "✓" if verdict.holds else "✗"
    at = f"{check.place.line}:{check.place.column}"
    head = f"  {mark} {at:<6} {check.entry.caller} → {check.request.authority}   {check.title}"
    if verdict.holds:
        taken = decision.taken
        return [f"{head}   {came}   {(taken and check.entry.line_of(taken)) or ''}".rstrip()]
    found = [head, *(f"      {failure}" for failure in verdict.failures)]
    found.append(f"        virtual host   {decision.host_why}")
    return [*found, *(_looked(check.entry, look) for look in decision.looked)]


def _looked(entry: Entry, look: RouteLook) -> str:
    from debugger.routing.words import looked

    text, said = looked(look)
    return f"        route {look.index + 1:<3}      {text}   {said}   {entry.line_of(look) or ''}"


def _as_json(verdicts: Sequence[Verdict], covered: Coverage) -> dict[str, Any]:
    return {
        "ok": all(verdict.holds for verdict in verdicts),
        "checks": [_verdict(verdict) for verdict in verdicts],
        "routes": covered.routes,
        "not_reached": [asdict(each) for each in covered.missed],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    from debugger.routing.words import outcome

    check, decision = verdict.check, verdict.decision
    taken = decision.taken
    return {
        "check": check.title,
        "place": str(check.place),
        "holds": verdict.holds,
        "failures": list(verdict.failures),
        "table": check.entry.name,
        "virtual_host": decision.host.name if decision.host else None,
        "route": taken.path if taken else None,
        "route_place": check.entry.line_of(taken) if taken else None,
        "outcomes": [outcome(action) for action in decision.possibilities],
        "undecided": list(decision.undecided),
        "looked": [
            {
                "path": look.path,
                "holds": look.holds,
                "place": check.entry.line_of(look),
                "conditions": [
                    {"text": each.text, "holds": each.holds, "why": each.why, "path": each.path}
                    for each in look.conditions
                ],
            }
            for look in decision.looked
        ],
    }


def _write_junit(file: Path, suite: str, verdicts: Sequence[Verdict], seconds: float) -> None:
    from meshloom.junit import JunitCase, junit_xml

    cases = [
        JunitCase(
            suite,
            f"{verdict.check.place.line}:{verdict.check.place.column} {verdict.check.title}",
            seconds / len(verdicts),
            [(failure, "\n".join(_lines(verdict))) for failure in verdict.failures],
        )
        for verdict in verdicts
    ]
    file.write_text(junit_xml(suite, cases, seconds))
