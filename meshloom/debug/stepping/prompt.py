"""Door to standard input: a debugger's prompt, for a person or a script."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from debugger.stepping.session import Session

_QUIT = ("q", "quit", "exit")


def take_commands(session: Session, notes: Sequence[str]) -> None:
    """Carry out one command a line, until there are none or it is "quit". An empty line does what
    the last one did, as in gdb."""
    by_hand = sys.stdin.isatty()
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    for line in session.do("go 1"):
        typer.echo(line)
    last = ""
    while True:
        if by_hand:
            typer.echo("(debug) ", nl=False)
        given = sys.stdin.readline()
        text = given.strip() or last
        if not given or text in _QUIT:
            return
        last = text
        for line in session.do(text):
            typer.echo(line)
