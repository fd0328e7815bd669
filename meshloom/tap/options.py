"""What the commands on stored exchanges are told in the same words, and how it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from meshloom.state import RunningMesh
    from tap.content import Schema
    from tap.language.match import Match
    from tap.store import Reader

SERVED_WITHIN = 3.0  # seconds; a mesh is announced a moment before its tap is there

MeshName = Annotated[
    str | None,
    typer.Option(
        "--mesh", envvar="MESHLOOM_MESH", help="Which mesh, by name or pid; else the last one."
    ),
]
StoreFile = Annotated[
    Path | None, typer.Option("--store", metavar="FILE", help="A store, instead of a mesh's.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From then on: 10m ago, 14:05, 2026-01-31T14:05."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Up to then, in the same ways.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")
]

Service = Annotated[
    str, typer.Option("--service", "-s", help="Only requests from or to this service.")
]
Matching = Annotated[
    str, typer.Option("--match", "-m", help="Only what matches: '~m POST & status >= 500'.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object for each exchange.")]
Body = Annotated[bool, typer.Option("--body", help="Show bodies as well.")]
Protos = Annotated[
    list[Path] | None,
    typer.Option(
        "--proto", metavar="FILE", help="Names of gRPC messages, by protoc --descriptor_set_out."
    ),
]
Reflect = Annotated[
    list[str] | None,
    typer.Option("--reflect", metavar="IP:PORT", help="Ask this gRPC server for such names."),
]
Decode = Annotated[
    bool, typer.Option("--decode", help="With --json: bodies as what they mean, too.")
]


def bad_input(message: object, cause: Exception | None = None) -> NoReturn:
    """On standard error, and exit code 2."""
    typer.echo(f"meshloom tap: {message}", err=True)
    raise typer.Exit(2) from cause


@contextmanager
def watching_a_hub() -> Iterator[None]:
    """What the hub refuses inside, or the view of it, is bad input."""
    from tap.live.client import TapError

    try:
        yield
    except TapError as error:
        bad_input(error, error)


def served(mesh: RunningMesh) -> Path:
    """Where its tap is served; waits for that of a mesh that has only just come up."""
    from meshloom.state import appearing

    return appearing(mesh.tap_socket, SERVED_WITHIN)


def run(watching: Coroutine[None, None, None]) -> None:
    """Run what watches a hub."""
    with watching_a_hub():
        asyncio.run(watching)


@contextmanager
def opened(mesh: str | None, store: Path | None) -> Iterator[Reader]:
    """The store that is meant; one that can't be read, now or later, is bad input."""
    from meshloom.tap.places import find_store
    from tap.store import Reader, StoreError

    try:
        with Reader(store or find_store(mesh)) as reader:
            yield reader
    except StoreError as error:
        bad_input(error, error)


def read_expression(text: str) -> Match:
    """The filter; a wrong one is bad input, with a caret under the place."""
    from tap.language.match import MatchError, read_match

    try:
        return read_match(text)
    except MatchError as error:
        bad_input(error, error)


def schema_of(protos: list[Path] | None, servers: list[str] | None) -> Schema | None:
    """What the messages of gRPC methods are made of; None if nobody said. Bad input if a file or a
    server does not tell."""
    if not protos and not servers:
        return None
    from tap.content.descriptors import DescriptorError, Descriptors
    from tap.content.reflection import ReflectionError
    from tap.content.reflection_door import reflect
    from tap.content.schemas import Schemas

    try:
        found: list[Schema] = [Descriptors.of_file(path) for path in protos or ()]
        found += [asyncio.run(reflect(server)) for server in servers or ()]
    except (DescriptorError, ReflectionError) as error:
        bad_input(error, error)
    return Schemas(*found)


def moment(text: str | None, option: str, now: datetime | None = None) -> float | None:
    """Epoch seconds: so long ago, a time of today, or a date with one. Bad input otherwise."""
    from mesh_yaml.values import parse_duration

    if text is None:
        return None
    today = now or datetime.now().astimezone()
    try:
        return (today - timedelta(seconds=parse_duration(text).total_seconds())).timestamp()
    except (ValueError, OverflowError):
        pass  # no duration: then a time
    try:
        named = f"{today:%Y-%m-%d}T{text}" if "-" not in text else text
        return datetime.fromisoformat(named).timestamp()
    except (ValueError, OverflowError) as error:
        message = f"expected a time such as 10m, 14:05 or 2026-01-31T14:05, got {text!r}"
        raise typer.BadParameter(message, param_hint=option) from error
