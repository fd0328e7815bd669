"""``meshloom rate-limit``: the rate limit service alone, for Envoys that somebody else runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom import listening
from meshloom.arguments import Json
from meshloom.output import emit

if TYPE_CHECKING:
    from mesh_patterns.rate_limits.rules import Domain
    from mini_mesh.beside.rate_limit.limiter import Limiter


def rate_limit(
    configs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG...", help="Rules as of envoyproxy/ratelimit, a domain each."
        ),
    ],
    listen: listening.Listen = "127.0.0.1:8081",
    redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Count there, redis://HOST:PORT; else in memory."),
    ] = None,
    headers: Annotated[
        bool, typer.Option("--headers", help="RateLimit-Limit, -Remaining and -Reset in answers.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer Envoys that ask whether a request is one too many, until Ctrl-C.

    Envoy's RateLimitService v3, and gRPC's health service. At the end it tells what became of the
    requests of each rule.
    """
    where = listening.where(listen)
    rules = _read(configs)
    limiter = _limiter(redis, headers)
    limiter.tell(rules)
    names = [each.name for each in rules]
    said = f"rate limits of {', '.join(names)}"
    listening.serve(limiter.methods, where, said, {"domains": names}, json=json)
    _tell(limiter, json)


def _read(configs: list[Path]) -> tuple[Domain, ...]:
    from mesh_patterns.rate_limits.spec import ConfigSpec, domains
    from mesh_yaml import yaml
    from mesh_yaml.build import build

    documents = [each for path in configs for each in yaml.read(path)]
    return domains(build(ConfigSpec, each) for each in documents)


def _limiter(redis: str | None, headers: bool) -> Limiter:
    from mini_mesh.beside.rate_limit import counters
    from mini_mesh.beside.rate_limit.limiter import Limiter

    try:
        counting = counters.InMemory() if redis is None else counters.redis(redis)
    except counters.CountersError as error:
        raise typer.BadParameter(str(error), param_hint="--redis") from error
    return Limiter(counting, time.time, headers=headers)


def _tell(limiter: Limiter, json: bool) -> None:
    found = {path: dict(counts) for path, counts in sorted(limiter.statistics.items())}
    if json:
        emit("stopped", statistics=found)
        return
    for path, counts in found.items():
        said = ", ".join(f"{number} {name}" for name, number in counts.items())
        typer.echo(f"{path}: {said}")
