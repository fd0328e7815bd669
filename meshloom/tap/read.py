"""``meshloom tap read``: files of traces that Envoys wrote, as lines, as JSON, or into a store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options
from meshloom.tap.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_traffic import Exchange
    from tap.redact import Redactor
    from tap.sources.files import Report

_Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Files of traces, or folders of them.")
]
_Into = Annotated[
    Path | None,
    typer.Option("--into", metavar="FILE", help="Write a store for query, tree and export."),
]
_Redact = Annotated[
    Path | None, typer.Option("--redact", metavar="FILE", help="What is secret, as YAML.")
]


def read(
    files: _Files,
    match: options.Matching = "",
    as_json: options.Json = False,
    body: options.Body = False,
    decode: options.Decode = False,
    proto: options.Protos = None,
    into: _Into = None,
    redact: _Redact = None,
) -> None:
    """Read what file_per_tap wrote, or a dump of an Envoy's /tap, without its secrets.

    What could not be read is named with its file and place. Exits 1 if something could not.
    """
    from tap.sources.files import Report, read_files

    expression = options.read_expression(match)
    telling = Telling(as_json, body, decode, options.schema_of(proto, None))
    redactor, report = _redactor(redact), Report()
    found = (redactor(each) for each in read_files(files, report))
    wanted = (each for each in found if expression(each))
    if into is not None:
        _store(into, wanted)
    else:
        for exchange in wanted:
            telling.tell(exchange)
    _tell(report)
    raise typer.Exit(1 if report.errors else 0)


def _redactor(rules: Path | None) -> Redactor:
    from tap.redact import Redactor
    from tap.redact.read import read_rules

    return Redactor(read_rules(rules) if rules else None)


def _store(path: Path, exchanges: Iterator[Exchange]) -> None:
    from tap.store import Limits, Store, StoreError

    try:
        with closing(Store(path, Limits(None, None, None))) as store:
            for exchange in exchanges:
                store.add([exchange])
            kept = store.flush()
    except StoreError as error:
        options.bad_input(error, error)
    if kept.trouble:
        options.bad_input(kept.trouble)
    typer.echo(f"{kept.stored:,} exchanges in {path}", err=True)


def _tell(report: Report) -> None:
    """What was read, and what was not, on standard error."""
    for problem in report.problems:
        typer.echo(problem, err=True)
    more = report.errors - len(report.problems)
    if more > 0:
        typer.echo(f"and {more:,} more that could not be read", err=True)
    cut = f"   {report.incomplete:,} without their end" if report.incomplete else ""
    typer.echo(
        f"{report.traces:,} traces of {report.files:,} files   {report.errors:,} errors{cut}",
        err=True,
    )
