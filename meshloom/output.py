"""How meshloom speaks: problems with their places, and one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from mesh_yaml.place import DocumentError, Place, Problem


def complain(problems: Sequence[Problem]) -> None:
    """Print problems to standard error, a line each, and how many there were."""
    for problem in problems:
        typer.echo(str(problem), err=True)
    typer.echo(count(problems), err=True)


def count(problems: Iterable[Problem]) -> str:
    """``2 errors, 1 warning``."""
    found = list(problems)
    warnings = sum(problem.warning for problem in found)
    parts = [(len(found) - warnings, "error"), (warnings, "warning")]
    said = [counted(n, word) for n, word in parts if n]
    return ", ".join(said) or "no problems"


def counted(number: int, noun: str) -> str:
    """``1 problem``, ``2,000 problems``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def emit(event: str, **values: Any) -> None:
    """One JSON object on standard output, at once."""
    sys.stdout.write(json.dumps({"event": event, **values}, default=str) + "\n")
    sys.stdout.flush()


def as_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as other programs read them."""
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "severity": "warning" if problem.warning else "error",
            "message": problem.message,
        }
        for problem in problems
    ]


def write_text(output: Path, text: str) -> None:
    """Write a file that somebody asked for. Raises ``DocumentError``: it can't be written."""
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError.at(Place(str(output)), f"can't be written: {reason}") from error


def hand_over(
    text: str,
    output: Path | None,
    problems: Sequence[Problem],
    summary: str,
    as_json_: Mapping[str, Any] | None,
) -> None:
    """What was made of files: the text, or where it has been written, and what there is to tell.
    ``as_json_`` is what one JSON object says besides; None: text for people.
    """
    if as_json_ is not None:
        where = {"output": str(output)} if output is not None else {"text": text}
        typer.echo(json.dumps({"ok": True, **as_json_, "problems": as_json(problems), **where}))
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    if output is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"{output}: {summary}: {count(problems)}")


def check_output(output: Path | None, files: Iterable[Path], work: str) -> None:
    """Raises ``DocumentError`` if ``output`` would be written over one of the ``files``."""
    if output is not None and output.resolve() in {file.resolve() for file in files}:
        message = f"is one of the files to {work}; name another"
        raise DocumentError.at(Place(str(output)), message)


class Progress:
    """One line on a terminal that says what is going on, and is gone when it is done."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K… {text}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
