"""``meshloom patterns``: the catalogue of patterns, each a file with its proof."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json, complete_pattern
from meshloom.output import emit

if TYPE_CHECKING:
    from mesh_patterns.catalogue import Entry

app = typer.Typer(
    help="The catalogue: patterns to read, to prove, and to start from.", no_args_is_help=True
)
Name = Annotated[
    str, typer.Argument(help="Of a pattern; `list` names them.", autocompletion=complete_pattern)
]
WIDTH = 100  # of a line of text


@app.command("list")
def list_(
    area: Annotated[
        str | None, typer.Option("--area", help="Only this one: I to VI, or its folder's name.")
    ] = None,
    json_: Json = False,
) -> None:
    """All patterns of the catalogue, area by area."""
    from mesh_patterns.catalogue import AREAS, entries

    known = {**{number: number for number in AREAS}, **{f: n for n, f in AREAS.items()}}
    if area is not None and area not in known:
        wanted = ", ".join([*AREAS, *AREAS.values()])
        raise typer.BadParameter(f"expected one of {wanted}, got {area!r}", param_hint="--area")
    found = [each for each in entries() if area is None or each.area == known[area]]
    if json_:
        for each in found:
            emit("pattern", **as_data(each))
        return
    width = max((len(each.name) for each in found), default=0)
    shown = None
    for each in found:
        if each.area != shown:
            shown = each.area
            typer.echo(f"{each.area}  {AREAS[each.area]}")
        typer.echo(f"  {each.name:{width}}   {each.about.intent}")
    typer.echo(f"{len(found)} patterns; `meshloom patterns show NAME`, `prove catalog:NAME`")


@app.command("show")
def show(name: Name, json_: Json = False) -> None:
    """What a pattern is for, when to use it, what it costs, and its file."""
    from mesh_patterns.catalogue import entry

    found = entry(name)
    text = found.file.read_text(encoding="utf-8")
    if json_:
        emit("pattern", **as_data(found), text=text)
        return
    about = found.about
    typer.echo(f"{about.pattern}   ({found.file})")
    for title, said in (("intent", about.intent), ("when", about.when), ("costs", about.costs)):
        typer.echo(f"\n{title}\n  {_wrapped(said)}")
    typer.echo(f"\nkinds: {', '.join(found.kinds) or 'none'}; claims: {found.claims}\n")
    typer.echo(_without_about(text).rstrip())


@app.command("new")
def new(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(help="To write; NAME.yaml in this folder if absent.")
    ] = None,
    json_: Json = False,
) -> None:
    """A copy of a pattern, to make it one's own. It overwrites nothing."""
    from mesh_patterns.catalogue import entry

    found = entry(name)
    target = file or Path(f"{name}.yaml")
    try:
        with target.open("x", encoding="utf-8") as written:
            written.write(found.file.read_text(encoding="utf-8"))
        beside = _beside(found, target.parent)
    except FileExistsError as error:
        typer.echo(f"meshloom: {error.filename} is there already; name another file", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"meshloom: can't write {target}: {error.strerror}", err=True)
        raise typer.Exit(2) from error
    if json_:
        emit("written", file=str(target), beside=[str(each) for each in beside])
        return
    typer.echo(f"{target} is yours: `meshloom prove {target}`, `meshloom up {target}`")


def _beside(found: Entry, folder: Path) -> list[Path]:
    """Copy what the pattern's file needs: the folder of its name."""
    source = found.file.with_suffix("")
    if not source.is_dir():
        return []
    shutil.copytree(source, folder / source.name)
    return sorted((folder / source.name).iterdir())


def as_data(found: Entry) -> dict[str, Any]:
    """A pattern as JSON-like data."""
    about = found.about
    return {
        "name": found.name,
        "pattern": about.pattern,
        "area": found.area,
        "intent": about.intent,
        "when": about.when,
        "costs": about.costs,
        "kinds": list(found.kinds),
        "claims": found.claims,
        "file": str(found.file),
    }


def _wrapped(text: str) -> str:
    import textwrap

    return "\n  ".join(textwrap.wrap(text, WIDTH - 2))


def _without_about(text: str) -> str:
    """The file without what has been shown of it."""
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith("about:"))
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    return "".join(lines[:start] + lines[end:])
