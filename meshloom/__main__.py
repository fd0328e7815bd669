"""The ``meshloom`` command: its subcommands, and what becomes of their errors."""

from __future__ import annotations

import sys

import typer

from mesh_yaml.place import DocumentError
from meshloom import (
    __version__,
    bench,
    ca,
    check,
    debug,
    export,
    ext_authz,
    graph,
    import_,
    patterns,
    prove,
    rate_limit,
    render,
    rollback,
    schema,
    serve,
    slo,
    smi,
    tap,
    token,
    up,
    wasm,
    xds,
)
from meshloom.output import complain
from meshloom.state import NoMesh

app = typer.Typer(
    name="meshloom",
    help="Weave service mesh patterns into real Envoys on this machine, and see every request.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("prove")(prove.prove)
app.command("check")(check.check)
app.command("render")(render.render)
app.command("import")(import_.import_)
app.command("export")(export.export)
app.command("schema")(schema.schema)
app.command("rollback")(rollback.rollback)
app.command("ca")(ca.ca)
app.command("ext-authz")(ext_authz.ext_authz)
app.command("rate-limit")(rate_limit.rate_limit)
app.add_typer(patterns.app, name="patterns")
app.command("slo")(slo.slo)
app.command("graph")(graph.graph)
app.add_typer(bench.app, name="bench")
app.add_typer(smi.app, name="smi")
app.command("token")(token.token)
app.add_typer(tap.app, name="tap")
app.add_typer(debug.app, name="debug")
app.add_typer(xds.app, name="xds")
app.add_typer(wasm.app, name="wasm")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"meshloom {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """What holds for every command."""


def main() -> None:
    """Run the command line. Exit codes: 0 fine, 1 something does not hold, 2 bad input."""
    try:
        app()
    except DocumentError as error:
        complain(error.problems)
        sys.exit(2)
    except NoMesh as error:
        typer.echo(f"meshloom: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
