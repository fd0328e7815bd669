"""``meshloom rate-limit``: the rate limit service alone, for Envoys that somebody else runs."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.arguments import Json
from meshloom.output import emit

if TYPE_CHECKING:
    from mesh_patterns.rate_limits.rules import Domain
    from mini_mesh.beside.rate_limit.limiter import Limiter

UNIX = "unix:"


def rate_limit(
    configs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG...", help="Rules as of envoyproxy/ratelimit, a domain each."
        ),
    ],
    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="HOST:PORT",
            help="Where, on loopback; port 0: any free one. Or unix:PATH.",
        ),
    ] = "127.0.0.1:8081",
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
    where = _where(listen)
    rules = _read(configs)
    limiter = _limiter(redis, headers)
    limiter.tell(rules)
    try:
        asyncio.run(_serve(limiter, where, [each.name for each in rules], json))
    except OSError as error:
        raise _bad_listen(f"{listen}: {error.strerror}") from error
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


def _where(listen: str) -> str | tuple[str, int]:
    """A socket's path, or an address of loopback. Raises ``typer.BadParameter``."""
    if listen.startswith(UNIX):
        return listen.removeprefix(UNIX)
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise _bad_listen(f"expected HOST:PORT or unix:PATH, got {listen!r}")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise _bad_listen(f"{host!r} is not on loopback; whoever can ask can use up a limit")
    return host, int(port)


def _bad_listen(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--listen")


@contextmanager
def _bound(where: str | tuple[str, int]) -> Iterator[socket.socket]:
    from tap.sources.private_socket import bound

    if isinstance(where, str):
        with bound(Path(where)) as made:
            yield made
        return
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with socket.create_server(where, family=family) as made:
        yield made


async def _serve(
    limiter: Limiter, where: str | tuple[str, int], domains: list[str], json: bool
) -> None:
    from mini_mesh.beside.unary import Unary

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _bound(where) as made:
        async with Unary(limiter.methods).listening(made):
            address = _address(made)
            if json:
                emit("ready", address=address, domains=domains)
            else:
                typer.echo(f"rate limits of {', '.join(domains)} at {address}")
            await stop.wait()


def _address(made: socket.socket) -> str:
    name = made.getsockname()
    return f"{UNIX}{name}" if isinstance(name, str) else f"{name[0]}:{name[1]}"


def _tell(limiter: Limiter, json: bool) -> None:
    found = {path: dict(counts) for path, counts in sorted(limiter.statistics.items())}
    if json:
        emit("stopped", statistics=found)
        return
    for path, counts in found.items():
        said = ", ".join(f"{number} {name}" for name, number in counts.items())
        typer.echo(f"{path}: {said}")
