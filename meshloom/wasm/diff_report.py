"""What ``meshloom wasm diff`` prints: each request that differs with both sides, and the sum."""

from __future__ import annotations

import time
from collections import Counter
from textwrap import indent
from typing import TYPE_CHECKING, Any

import typer

from meshloom.output import Progress, emit

if TYPE_CHECKING:
    from mini_mesh.differ.case import Case
    from mini_mesh.differ.compare import Difference
    from mini_mesh.differ.run import Result

MAX_TOLD = 20  # requests that are printed; the rest is counted
_AT_THE_END = "after all requests"


class Report:
    """Hears every result. ``differing`` counts requests, and what is compared once at the end."""

    def __init__(self, version: str, total: int, as_json: bool) -> None:
        self.differing = 0
        self._engines = f"wasmtime and Envoy {version}"
        self._envoy = version
        self._total = total
        self._sent = 0
        self._as_json = as_json
        self._progress = Progress()
        self._started = time.perf_counter()
        self._known: Counter[str] = Counter()
        self._at = "the start of Envoy"

    def begin(self, case: Case) -> None:
        """This is sent next."""
        self._at = _title(case)
        self._progress.show(f"{self._sent + 1} of {self._total} requests")

    def result(self, result: Result) -> None:
        """Print what differs in it, if nothing explains it."""
        self._sent += result.case is not None
        self._known.update({each.known for each in result.differences if each.known})
        if result.agrees:
            return
        self.differing += 1
        self._progress.clear()
        if self._as_json:
            emit("difference", **_as_data(result))
        elif self.differing <= MAX_TOLD:
            _show(result)

    def broken(self, error: Exception) -> None:
        """Envoy does not start with the filter, or ended on it: a difference, too."""
        self.differing += 1
        self._progress.clear()
        if self._as_json:
            emit("broken", at=self._at, message=str(error))
        else:
            said = indent(f"wasmtime goes on, and Envoy does not: {error}", "    ")
            typer.echo(f"{self._at}\n{said}")

    def end(self) -> None:
        """The sum."""
        self._progress.clear()
        agree = self._sent - min(self.differing, self._sent)
        if self._as_json:
            seconds = round(time.perf_counter() - self._started, 3)
            counts = {"requests": self._sent, "agree": agree, "differ": self.differing}
            emit("result", envoy=self._envoy, **counts, known=dict(self._known), seconds=seconds)
            return
        if self.differing > MAX_TOLD:
            typer.echo(f"… and {self.differing - MAX_TOLD} more that differ")
        differ = f", {self.differing} differ" if self.differing else ""
        typer.echo(f"{self._sent} requests through {self._engines}: {agree} agree{differ}")
        self._explain()

    def _explain(self) -> None:
        from mini_mesh.differ.known import KNOWN

        for name, row in KNOWN.items():
            if self._known[name] and not row.quiet:
                typer.echo(f"  explained in {self._known[name]}: {name}: {row.reason}")


def _show(result: Result) -> None:
    typer.echo(_title(result.case))
    width = max(len(each.place) for each in result.unexplained)
    for each in result.unexplained:
        typer.echo(f"    {each.place:{width}}   wasmtime  {_shown(each.here)}")
        typer.echo(f"    {'':{width}}   Envoy     {_shown(each.envoy)}")
    if names := sorted({each.known for each in result.differences if each.known}):
        typer.echo(f"    explained: {', '.join(names)}")


def _title(case: Case | None) -> str:
    if case is None:
        return _AT_THE_END
    return f"{case.place}   {case.request.method} {case.request.path}"


def _shown(value: str | None) -> str:
    from tap.lines import printable

    return "nothing" if value is None else printable(value)


def _as_data(result: Result) -> dict[str, Any]:
    case = result.case
    request = None if case is None else {"method": case.request.method, "path": case.request.path}
    return {
        "place": _AT_THE_END if case is None else case.place,
        "request": request,
        "differences": [_difference(each) for each in result.differences],
    }


def _difference(each: Difference) -> dict[str, Any]:
    known = each.known or None
    return {"part": each.place, "wasmtime": each.here, "envoy": each.envoy, "known": known}
