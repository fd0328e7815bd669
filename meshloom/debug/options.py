"""What the debugger's commands are told in the same words, and how it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from meshloom.state import appearing, find_mesh
from meshloom.tap.options import SERVED_WITHIN

HoldId = Annotated[str, typer.Argument(metavar="ID", help="Of a held request, as its line shows.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Give a header, or :path, this value."),
]
Remove = Annotated[
    list[str] | None, typer.Option("--remove", metavar="NAME", help="Send it without this header.")
]
NewBody = Annotated[
    str | None, typer.Option("--body", metavar="TEXT|@FILE", help="A new body, or a file of one.")
]


def bad_input(message: object, cause: Exception | None = None) -> NoReturn:
    """On standard error, and exit code 2."""
    typer.echo(f"meshloom debug: {message}", err=True)
    raise typer.Exit(2) from cause


def desk_socket(mesh: str | None) -> Path:
    """Where a running mesh lets requests be held. Raises NoMesh."""
    return appearing(find_mesh(mesh).debug_socket, SERVED_WITHIN)


@contextmanager
def talking() -> Iterator[None]:
    """What the desk refuses inside is bad input."""
    from debugger.desk.client import DebugError

    try:
        yield
    except DebugError as error:
        bad_input(error, error)


def run(work: Coroutine[None, None, None]) -> None:
    """Run what talks to a desk."""
    with talking():
        asyncio.run(work)


def fields(given: list[str] | None) -> dict[str, str]:
    """``--set`` options as a mapping."""
    found = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint="--set")
        found[name.strip()] = value
    return found


def body(given: str | None) -> bytes | None:
    """The bytes that ``--body`` means."""
    if given is None or not given.startswith("@"):
        return None if given is None else given.encode()
    try:
        return Path(given[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{given[1:]}: {error.strerror}", param_hint="--body") from error
