"""``meshloom debug``: why a request went where it went, and what else it could do.

One file per command. Its module imports what it needs inside of its function, so that
``meshloom --help`` stays quick. Exit codes: 0 fine, 1 something does not hold, 2 bad input.
"""

from __future__ import annotations

import typer

from meshloom.debug import (
    break_,
    diff,
    doctor,
    explain,
    holds,
    log_level,
    replay,
    routes,
    stats,
    wasm,
)

app = typer.Typer(rich_markup_mode=None)


@app.callback(no_args_is_help=True)
def debug() -> None:
    """Hold, explain and replay requests, and step through their filters."""


app.command("break")(break_.break_)
app.command("holds")(holds.holds)
app.command("continue")(holds.continue_)
app.command("step")(holds.step)
app.command("abort")(holds.abort)
app.command("explain")(explain.explain)
app.command("replay")(replay.replay)
app.command("routes")(routes.routes)
app.command("wasm")(wasm.wasm)
app.command("doctor")(doctor.doctor)
app.command("diff")(diff.diff)
app.command("stats")(stats.stats)
app.command("log-level")(log_level.log_level)
