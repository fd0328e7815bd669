"""What is said at the end of a measurement, and the files that are written of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer

from meshloom.bench import lines

if TYPE_CHECKING:
    from meshloom.bench.asked import Asked
    from meshloom.bench.measure import Measured
    from meshloom.bench.run import Wanted
    from mini_mesh.load.score import Score
    from mini_mesh.smp.mesh import About


def tell(
    asked: Asked, measured: Measured, without: Measured | None, wanted: Wanted, about: About | None
) -> None:
    """Raises ``OSError`` where the files can't be written."""
    from debugger.traffic.share import owns
    from mini_mesh.smp.write import as_json, write

    run = measured.run(asked, about)
    own = owns(measured.flows)
    score = scored(measured, without, wanted) if wanted.score else None
    paths = write(run, wanted.output) if wanted.output else []
    if wanted.as_json:
        told: dict[str, Any] = {"smp": as_json(run), **lines.as_data(measured, own)}
        if without is not None:
            told["without"] = lines.as_data(without, owns(without.flows))
        if score is not None:
            told["score"] = score.plain()
        typer.echo(json.dumps({**told, "files": [str(path) for path in paths]}))
        return
    _lines(measured, without, wanted, score)
    if paths:
        typer.echo(f"  written     {paths[0].parent}")


def _lines(
    measured: Measured, without: Measured | None, wanted: Wanted, score: Score | None
) -> None:
    from debugger.traffic.share import owns

    typer.echo(lines.head(measured))
    found = [*lines.table(measured), *lines.generator(measured)]
    found += lines.mesh(measured, owns(measured.flows))
    if without is not None:
        found += lines.overhead(measured, without, ", ".join(wanted.without))
    if score is not None:
        before, median = medians(measured, without)
        found += lines.scored(score, measured.per_thousand, before, median)
    for line in found:
        typer.echo(line)


def medians(measured: Measured, without: Measured | None) -> tuple[float, float]:
    """Without and with, in milliseconds; 0 where there is no without."""
    times = [each.result.whole.latency if each else None for each in (without, measured)]
    before, median = (each.quantile(0.5) / 1e6 if each else 0.0 for each in times)
    return before, median


def scored(measured: Measured, without: Measured | None, wanted: Wanted) -> Score:
    """Raises ``ValueError`` for a weight that there is not."""
    from mini_mesh.load.score import Seen, score

    whole, worth, used = measured.result.whole, measured.worth, measured.used
    before, median = medians(measured, without)
    seen = Seen(
        requests=whole.requests,
        failed=whole.failed,
        masked=worth.masked if worth else 0,
        shed=worth.shed if worth else 0,
        late=worth.late if worth else 0,
        edges=worth.edges if worth else 0,
        encrypted=worth.encrypted if worth else 0,
        before=before,
        median=median,
        cores=_cores(measured),
        machine=os.cpu_count() or 0 if used else 0,
        per_thousand=measured.per_thousand,
    )
    return score(seen, wanted.weights)


def _cores(measured: Measured) -> float:
    """How many the Envoys have used, of the last round."""
    if measured.used is None or measured.state is None or not measured.used.seconds:
        return 0.0
    spent = sum(measured.used.cpu(node) for node in measured.state["envoys"])
    return spent / measured.used.seconds
