"""``meshloom tap export``: stored requests as files of other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options

if TYPE_CHECKING:
    from mesh_traffic import Exchange
    from tap.export import Export
    from tap.store import Reader

_What = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXPR|ID…]", help="A filter, or ids as the lines show them."),
]
_Format = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        help="har, flow, curl, httpie, raw, pcap, jsonl or parquet; else by FILE's suffix.",
    ),
]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else standard output.")
]


def export(
    what: _What = None,
    format_name: _Format = "",
    output: _Output = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Write the stored requests that match, for browsers, mitmproxy, a shell, Wireshark and others.

    What is stored has been redacted before, and so is what is exported.
    """
    chosen = _chosen(format_name, output)
    start, end = options.moment(since, "--since"), options.moment(until, "--until")
    with options.opened(mesh, store) as reader:
        named = by_ids(reader, what or ())
        match = options.read_expression("" if named is not None else " ".join(what or ()))
        asked = reader.query(match, since=start, until=end, limit=limit)
        counted = Counted(asked if named is None else named)
        _write(chosen, counted, output)
    typer.echo(f"{counted.number:,} written{f' to {output}' if output else ''}", err=True)


class Counted:
    """Exchanges on their way, and how many there were."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self.number = 0
        self._exchanges = exchanges

    def __iter__(self) -> Iterator[Exchange]:
        for exchange in self._exchanges:
            self.number += 1
            yield exchange


def by_ids(reader: Reader, what: Iterable[str]) -> list[Exchange] | None:
    """The exchanges, if every word is the id of one; then it is no filter."""
    words = list(what)
    if not words or any(" " in word for word in words):
        return None
    found = reader.by_id(*words)
    return found if {one.id for one in found} == set(words) else None


def _chosen(name: str, output: Path | None) -> Export:
    from tap.export import EXPORTS

    suffix = output.suffix if output else ""
    by_suffix = next((one for one, it in EXPORTS.items() if suffix and it.suffix == suffix), "")
    chosen = EXPORTS.get(name or by_suffix)
    if chosen is None:
        what = f"unknown format {name!r}" if name else "which format? the file's name does not tell"
        message = f"{what}; expected one of {', '.join(EXPORTS)}"
        raise typer.BadParameter(message, param_hint="--format")
    if output is None and chosen.binary and sys.stdout.isatty():
        raise typer.BadParameter("a terminal can't show this format", param_hint="--output")
    return chosen


def _write(chosen: Export, exchanges: Iterable[Exchange], output: Path | None) -> None:
    from tap.export import ExportError

    try:
        parts = chosen.write(exchanges)
        if output is None:
            for part in parts:
                sys.stdout.buffer.write(part)
            sys.stdout.flush()
        else:
            _write_file(parts, output)
    except ExportError as error:
        options.bad_input(error, error)


def _write_file(parts: Iterable[bytes], output: Path) -> None:
    """Whole or not at all, and readable by its owner only: traffic is nobody else's business."""
    part_file = output.with_name(f"{output.name}.part")
    try:
        number = os.open(part_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(number, "wb") as file:
                file.writelines(parts)
            part_file.replace(output)
        except BaseException:
            part_file.unlink(missing_ok=True)
            raise
    except OSError as error:
        options.bad_input(f"{output}: {error.strerror}", error)
