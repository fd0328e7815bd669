"""``meshloom tap``: what crosses the mesh, live and as it was stored. One file per command.

Without a command it is the live table. A command's module imports what it needs inside of its
function, so that ``meshloom --help`` stays quick. Exit codes: 0 fine, 2 bad input.
"""

from __future__ import annotations

import typer

from meshloom.tap import export, query, read, show, top, tree, watch

app = typer.Typer(rich_markup_mode=None)

app.callback(invoke_without_command=True)(watch.tap_command)
app.command("query")(query.query)
app.command("show")(show.show)
app.command("export")(export.export)
app.command("read")(read.read)
app.command("tree")(tree.tree)
app.command("top")(top.top)
