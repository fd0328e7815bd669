"""``meshloom bench``: load for a mesh, what came of it, and whether it was better before.

Where no command is named, the files are a mesh to be measured. A command's module imports what it
needs inside of its function, so that ``meshloom --help`` stays quick. Exit codes: 0 fine, 1 it has
become worse, 2 bad input.
"""

from __future__ import annotations

import typer

from meshloom.bench import compare, run
from meshloom.bench.group import FilesOrCommand

app = typer.Typer(cls=FilesOrCommand, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def bench() -> None:
    """Measure a mesh under an open-loop load, and compare two measurements.

    `meshloom bench FILE…` is `meshloom bench run FILE…`.
    """


app.command("run")(run.run)
app.command("compare")(compare.compare)
