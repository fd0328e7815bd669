"""``meshloom wasm``: Proxy-Wasm filters on this machine, without a mesh. One file per command.

A command's module imports what it needs inside of its function, so that ``meshloom --help`` and
every other command stay quick. Exit codes: 0 fine, 1 the filter failed or does not do what was
wanted, 2 bad input.
"""

from __future__ import annotations

import typer

from meshloom.wasm import bench, build, diff, fuzz, inspect, new, replay, run, test

app = typer.Typer(
    help="Run, inspect and test WASM filters.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def wasm() -> None:
    """Run, inspect and test WASM filters."""


app.command("bench")(bench.bench)
app.command("build")(build.build)
app.command("diff")(diff.diff)
app.command("fuzz")(fuzz.fuzz)
app.command("inspect")(inspect.inspect)
app.command("new")(new.new)
app.command("replay")(replay.replay)
app.command("run")(run.run)
app.command("test")(test.run_tests)
