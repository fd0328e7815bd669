"""A measurement as lines for a person, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debugger.traffic.share import Own
    from meshloom.bench.measure import Measured
    from mini_mesh.load.comparing.compare import Comparison, Difference
    from mini_mesh.load.result import EdgeResult
    from mini_mesh.load.score import Score

_MS = 1e6
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def head(measured: Measured) -> str:
    """What was sent, and by whom."""
    load, result = measured.load, measured.result
    kind = "" if load.arrivals == "constant" else f" {load.arrivals}"
    return (
        f"{load.rate:g}/s{kind} for {load.seconds:g} s after {load.warm_up:g} s of warm-up, "
        f"{load.connections} connections, by {result.generator}"
    )


def table(measured: Measured) -> Iterator[str]:
    """Each edge, and all of them where there are several."""
    result = measured.result
    edges = [*result.edges, *([result.whole] if len(result.edges) > 1 else [])]
    width = max(len(each.name) for each in edges)
    columns = "".join(f"{name:>9}" for name in _QUANTILES)
    yield f"  {'':{width}}  {'requests':>9}{'failed':>8}{columns}   ms"
    for each in edges:
        times = "".join(f"{each.latency.quantile(it) / _MS:9.2f}" for it in _QUANTILES.values())
        yield f"  {each.name:{width}}  {each.requests:9,}{each.failed:8,}{times}"
    for each in edges[: len(result.edges)]:
        yield from _answers(each)


def _answers(edge: EdgeResult) -> Iterator[str]:
    """What is not 200, and what was no answer."""
    statuses = [f"{count:,} × {status}" for status, count in sorted(edge.statuses.items())]
    errors = [f"{count:,} × {error}" for error, count in sorted(edge.errors.items())]
    if list(edge.statuses) not in ([200], []) or errors:
        yield f"  {edge.name}: {', '.join([*statuses, *errors])}"


def generator(measured: Measured) -> Iterator[str]:
    """What the generator knows of itself."""
    result = measured.result
    if result.lag.total:
        p50, p99 = (result.lag.quantile(share) / _MS for share in (0.5, 0.99))
        yield f"  schedule    late by {p50:.2f} ms (p50), {p99:.2f} ms (p99), which is in the times"
    if result.behind:
        waited = f"{result.behind:,} requests waited for one"
        yield f"  connections {waited}, which is in the times"
    for why in result.limits():
        yield f"  ! {why}"


def mesh(measured: Measured, owns: list[Own]) -> Iterator[str]:
    """What the mesh says: where the time went, what it has used, how fast a push is."""
    for each in owns[:5]:
        if each.part >= 0.01:
            own = f"{each.own:.1f} of {each.mean:.1f} ms its own, {each.part:.0%} of all"
            yield f"  time        {each.service}: {own}"
    if measured.cpu:
        yield f"  Envoys      {measured.per_thousand:.2f} s of CPU per 1,000 requests"
    if measured.pushes:
        told = ", ".join(f"{name} {ms:.1f} ms" for name, ms in measured.pushes.items())
        yield f"  push        {told} until 90 % of the Envoys have it"


def overhead(measured: Measured, without: Measured, what: str) -> Iterator[str]:
    """With and without, side by side."""
    new, old = measured.result.whole.latency, without.result.whole.latency
    yield f"  without {what}"
    for name, share in list(_QUANTILES.items())[:3]:
        after, before = new.quantile(share) / _MS, old.quantile(share) / _MS
        yield f"    {name:5} {before:9.2f} ms   {after - before:+.2f} ms with"
    added = measured.per_thousand - without.per_thousand
    yield f"    CPU   {without.per_thousand:9.2f} s    {added:+.2f} s with, per 1,000 requests"


def scored(score: Score, per_thousand: float, before: float, median: float) -> Iterator[str]:
    """The score with its formula, part by part."""
    from mini_mesh.load.score import CLASSES, FORMULA, MEANINGS

    yield f"  MeshMark-style score {score.value:.1f} = {FORMULA}"
    for kind, names in CLASSES.items():
        for name in names:
            if name in score.mues:
                weight = score.weights.get(name, 0.0)
                by = f" × {1 + weight:.2f}" if weight else ""
                yield f"    {kind:5} {name:10} {score.mues[name]:.3f}{by}   {MEANINGS[name]}"
    added = f"{median - before:+.2f} ms at the median, " if before else ""
    yield f"    costs {added}{per_thousand:.2f} s of Envoys' CPU per 1,000 requests"


def compared(told: Comparison) -> Iterator[str]:
    """A line for each difference, the worst first in each edge."""
    width = max((len(each.edge) for each in told.differences), default=0)
    for each in told.differences:
        mark = "✗" if each.is_regression else "✓"
        yield f"  {mark} {each.edge:{width}}  {each.what:9}  {_numbers(each)}   {each.verdict}"
    for name, ranks in told.ranks.items():
        chance = "p < 0.0001" if ranks.p < 1e-4 else f"p = {ranks.p:.4f}"
        greater = f"a new time is the greater of two in {ranks.greater:.1%}"
        yield f"    {name:{width}}  Mann-Whitney U: {chance}, {greater}"
    for note in told.notes:
        yield f"  ! {note}"


def _numbers(each: Difference) -> str:
    if each.what in ("failed", "rate kept"):
        return f"{each.old:9.2%} → {each.new:9.2%}  {'':22}"
    ratio = each.new / each.old if each.old else 1.0
    interval = f"×{ratio:.2f} ({each.low:.2f} to {each.high:.2f})"
    return f"{each.old / _MS:6.2f} ms → {each.new / _MS:6.2f} ms  {interval:22}"


def as_data(measured: Measured, owns: list[Own]) -> dict[str, Any]:
    """What SMP has no room for."""
    from dataclasses import asdict

    result = measured.result
    edges = [
        {
            "name": each.name,
            "requests": each.requests,
            "failed": each.failed,
            "statuses": {str(status): count for status, count in each.statuses.items()},
            "errors": dict(each.errors),
            **{n: round(each.latency.quantile(it) / _MS, 4) for n, it in _QUANTILES.items()},
        }
        for each in result.edges
    ]
    return {
        "generator": result.generator,
        "rate": result.rate,
        "seconds": round(result.seconds, 3),
        "actual_rate": round(result.actual_rate, 3),
        "edges": edges,
        "lag_ms": {n: round(result.lag.quantile(it) / _MS, 4) for n, it in _QUANTILES.items()},
        "behind": result.behind,
        "limits": result.limits(),
        "own_times": [asdict(each) for each in owns],
        "cpu_seconds_per_1000": round(measured.per_thousand, 4),
        "pushes_ms": measured.pushes,
    }
