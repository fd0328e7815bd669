"""oha (github.com/hatoo/oha): open loop with a correction of its own, a line for each answer.

What got no answer has no line, so it is what is missing of the load.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mini_mesh.load.load import Load, LoadError
from mini_mesh.load.others.request import parts
from mini_mesh.load.result import EdgeResult, Result

_HEAD = "request-start,"
_START, _TOOK, _STATUS = 0, 4, 6  # columns


def fits(load: Load) -> str:
    """Why it can't send this; "" when it can."""
    if len(load.edges) > 1:
        return "oha sends to one URL"
    if load.rate != int(load.rate):
        return "oha has whole rates only"
    return "" if load.arrivals == "constant" else "oha has constant arrivals only"


def commands(program: str, load: Load, folder: Path) -> Sequence[tuple[Sequence[str], bytes]]:
    """What to run; the warm-up is the run's beginning."""
    made = parts(load.edges[0])
    fields = [part for name, value in made.headers for part in ("-H", f"{name}: {value}")]
    (folder / "body").write_bytes(made.body)
    body = ["-D", str(folder / "body")] if made.body else []
    length = f"{round(1000 * (load.warm_up + load.seconds))}ms"
    command = [
        *(program, "--no-tui", "--output-format", "csv", "--latency-correction", "-w"),
        *("-q", f"{load.rate:g}", "-z", length, "-c", str(load.connections)),
        *("-t", f"{round(1000 * load.timeout)}ms", "-m", made.method, *fields, *body, made.url),
    ]
    return [(command, b"")]


def read(out: bytes, load: Load) -> Result:
    """Its table. Raises ``LoadError``."""
    edge = EdgeResult(load.edges[0].name)
    last = load.warm_up
    for start, took, status in _rows(out):
        if start < load.warm_up:
            continue
        last = max(last, start + took)
        edge.statuses[status] += 1
        edge.latency.add(int(took * 1e9))
        edge.service.add(int(took * 1e9))
    if missing := max(0, int(load.rate * load.seconds) - 1 - edge.answered):
        edge.errors["no answer"] = missing
    seconds = max(load.seconds, last - load.warm_up)
    return Result([edge], load.rate, seconds, generator="oha")


def _rows(out: bytes) -> Iterator[tuple[float, float, int]]:
    lines = out.decode(errors="replace").splitlines()
    if not lines or not lines[0].startswith(_HEAD):
        raise LoadError(f"not what oha says: {out[:80]!r}")
    for line in lines[1:]:
        fields = line.split(",")
        try:
            yield float(fields[_START]), float(fields[_TOOK]), int(fields[_STATUS])
        except (ValueError, IndexError) as error:
            raise LoadError(f"not what oha says: {line[:80]!r}") from error
