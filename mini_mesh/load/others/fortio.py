"""fortio (github.com/fortio/fortio), which many results of others come from.

It is no open loop: each connection waits for its answer, and times count from the sending, so a
stall is seen once and not by those who would have met it. It is used where somebody asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mini_mesh.load.histogram import Histogram
from mini_mesh.load.load import Load, LoadError
from mini_mesh.load.others.request import parts
from mini_mesh.load.result import EdgeResult, Result

MAX_ROWS = 100_000  # of its histogram


def fits(load: Load) -> str:
    """Why it can't send this; "" when it can."""
    if len(load.edges) > 1:
        return "fortio sends to one URL"
    if parts(load.edges[0]).method not in ("GET", "POST"):
        return "fortio sends GET and POST only"
    return "" if load.arrivals == "constant" else "fortio has constant arrivals only"


def commands(program: str, load: Load, folder: Path) -> Sequence[tuple[Sequence[str], bytes]]:
    """What to run one after the other; a warm-up is a run of its own."""
    made = parts(load.edges[0])
    fields = [part for name, value in made.headers for part in ("-H", f"{name}: {value}")]
    (folder / "body").write_bytes(made.body)
    body = ["-payload-file", str(folder / "body")] if made.body else []
    same = [
        *(program, "load", "-quiet", "-qps", f"{load.rate:g}", "-c", str(load.connections)),
        *("-uniform", "-r", "0.00001", "-allow-initial-errors", "-timeout", f"{load.timeout}s"),
        *("-nocatchup", *fields, *body),
    ]
    warm = [*same, "-t", f"{load.warm_up}s", made.url]
    run = [*same, "-t", f"{load.seconds}s", "-json", "-", made.url]
    return [(warm, b""), (run, b"")] if load.warm_up else [(run, b"")]


def read(out: bytes, load: Load) -> Result:
    """Its JSON. Raises ``LoadError``."""
    try:
        return result(json.loads(out), load.edges[0].name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"not what fortio says: {out[:80]!r}") from error


def result(told: Mapping[str, Any], name: str) -> Result:
    """A run of fortio as it tells it in JSON, its times spread evenly in its buckets' middles.

    Raises ``ValueError``, ``KeyError`` or ``TypeError`` for anything else.
    """
    seen = told["DurationHistogram"]
    times = Histogram()
    for row in (seen.get("Data") or ())[:MAX_ROWS]:
        times.add(int((row["Start"] + row["End"]) / 2 * 1e9), int(row["Count"]))
    if times.total:
        times.least, times.greatest = int(seen["Min"] * 1e9), int(seen["Max"] * 1e9)
        times.sum = int(seen["Sum"] * 1e9)
    edge = EdgeResult(name, times, times)
    for code, count in told.get("RetCodes", {}).items():
        if int(code) > 0:
            edge.statuses[int(code)] += int(count)
        else:
            edge.errors["no answer"] += int(count)
    rate = told["RequestedQPS"]
    began = datetime.fromisoformat(told["StartTime"][:19] + "+00:00").timestamp()
    seconds = told["ActualDuration"] / 1e9
    asked = float(rate) if str(rate).replace(".", "").isdigit() else float(told["ActualQPS"])
    return Result([edge], asked, seconds, began, generator="fortio, not corrected")
