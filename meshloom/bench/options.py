"""The options of ``meshloom bench run``, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from meshloom.arguments import pattern_file

BenchFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILES...]",
        parser=pattern_file,
        help="The mesh to bring up, and perhaps a test config of SMP.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="EDGE", help="ingress, SERVICE, or 'CALLER -> SERVICE'."),
]
Url = Annotated[
    list[str] | None,
    typer.Option("--url", help="A URL on this machine, or with a service's name as its host."),
]
Rate = Annotated[float | None, typer.Option("--rate", help="Requests a second.  [default: 100]")]
Connections = Annotated[
    int | None, typer.Option("--connections", "-c", help="How many at most.  [default: 16]")
]
Duration = Annotated[
    str | None, typer.Option("--duration", metavar="TIME", help="How long.  [default: 10s]")
]
WarmUp = Annotated[
    str | None,
    typer.Option("--warm-up", metavar="TIME", help="Before it counts.  [default: 2s]"),
]
ArrivalsOption = Annotated[
    Literal["constant", "poisson"], typer.Option("--arrivals", help="How requests arrive.")
]
Headers = Annotated[
    list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="A header.")
]
Body = Annotated[
    str, typer.Option("--body", metavar="TEXT|@FILE", help="A body; the method is POST then.")
]
Generator = Annotated[
    str,
    typer.Option(
        "--generator", help="meshloom, vegeta, oha, fortio; auto: an open-loop one installed."
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without", metavar="PATTERN", help="Measure without these patterns, too; all: any."
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option("--weight", metavar="MUE=PERCENT", help="For --score: cpu=+20%."),
]
MAX_BODY = 16 * 2**20  # bytes


def seconds(text: str | None, option: str) -> float | None:
    """A duration. Raises ``typer.BadParameter``."""
    from mesh_yaml.values import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text if text != "0" else "0s").total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def headers(given: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """``name: value`` options. Raises ``typer.BadParameter``."""
    found = []
    for text in given or ():
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"expected NAME:VALUE, got {text!r}", param_hint="--header")
        found.append((name.strip(), value.strip()))
    return tuple(found)


def body(given: str) -> bytes:
    """What ``--body`` means. Raises ``typer.BadParameter``."""
    if not given.startswith("@"):
        return given.encode()
    try:
        data = Path(given[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{given[1:]}: {error.strerror}", param_hint="--body") from error
    if len(data) > MAX_BODY:
        raise typer.BadParameter(f"more than {MAX_BODY} bytes", param_hint="--body")
    return data


def weights(given: Sequence[str] | None) -> dict[str, float]:
    """``cpu=+20%`` as 0.2. Raises ``typer.BadParameter``."""
    found = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        try:
            found[name] = float(value.removesuffix("%")) / 100
        except ValueError as error:
            said = f"expected NAME=PERCENT, got {text!r}"
            raise typer.BadParameter(said, param_hint="--weight") from error
    return found
