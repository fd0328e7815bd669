"""``meshloom smi``: what a running mesh has seen, as SMI's TrafficMetrics."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from meshloom.arguments import MeshName, parse_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debugger.stats.change import Reading
    from debugger.traffic.flow import State
    from debugger.traffic.smi import Metrics

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Form = Literal["yaml", "json"]


@app.callback()
def smi() -> None:
    """The Service Mesh Interface, answered by a running mesh."""


@app.command()
def metrics(
    kind: Annotated[
        str, typer.Argument(help="pods, deployments, services or namespaces.")
    ] = "services",
    name: Annotated[str, typer.Argument(help="One of them; else all.")] = "",
    edges: Annotated[
        bool, typer.Option("--edges", help="With each that it has exchanged requests with.")
    ] = False,
    form: Annotated[Form, typer.Option("--output", "-o", help="As YAML or JSON.")] = "yaml",
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Of a time from now on; else all so far."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
    mesh: MeshName = None,
) -> None:
    """Print TrafficMetrics: p50, p90 and p99 of the response latency, successes and failures.

    They are what the mesh's Envoys have counted. Exits 2 where there are none.
    """
    from debugger.admin.interface import AdminError
    from debugger.traffic.smi import NoMetrics
    from mesh_yaml.yaml import dump
    from meshloom.state import find_mesh

    if edges and not name:
        raise typer.BadParameter("wanted a name, too", param_hint="--edges")
    try:
        found = asyncio.run(_metrics(find_mesh(mesh).state, parse_for(for_)))
        asked = _plural(kind)
        told = found.edges(asked, name) if edges else None
        told = told or (found.of(asked, name) if name else found.listed(asked))
    except (AdminError, NoMetrics) as error:
        typer.echo(f"meshloom smi: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(json.dumps(told) if as_json or form == "json" else dump(told).rstrip())


def _plural(kind: str) -> str:
    """``pod`` and ``Pod`` are ``pods``, as for kubectl."""
    from debugger.traffic.smi import KINDS

    names = {singular.lower(): plural for plural, singular in KINDS.items()}
    return names.get(kind.lower(), kind.lower())


async def _metrics(state: State, seconds: float | None) -> Metrics:
    """Raises ``AdminError``."""
    from debugger.traffic.serve import metrics as measured
    from debugger.traffic.window import Window

    if seconds is None:
        return await measured(state)
    window = Window(seconds)
    window.keep(*await _now(state))
    await asyncio.sleep(seconds)
    return await measured(state, window)


async def _now(state: State) -> tuple[float, Mapping[str, Reading]]:
    import time

    from debugger.traffic import ask

    return time.monotonic(), await ask.readings(ask.admins_of(state))


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any.")] = 0,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Stop after this time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    mesh: MeshName = None,
) -> None:
    """Answer SMI's metrics API over HTTP on the loopback interface, until Ctrl-C.

    Metrics are those of the last 30 s. Where a Kubernetes API server would have them:
    /apis/metrics.smi-spec.io/v1alpha1/namespaces/default/pods/NAME/edges.
    """
    seconds = parse_for(for_)
    try:
        asyncio.run(_serve(mesh, port, seconds, as_json))
    except KeyboardInterrupt:
        return
    except OSError as error:
        typer.echo(f"meshloom smi: port {port}: {error.strerror or error}", err=True)
        raise typer.Exit(2) from error


async def _serve(mesh: str | None, port: int, seconds: float | None, as_json: bool) -> None:
    from debugger.traffic.serve import HOST, ROOT, serving
    from meshloom.output import emit
    from meshloom.state import find_mesh

    find_mesh(mesh)
    async with serving(lambda: find_mesh(mesh).state, port) as taken:
        url = f"http://{HOST}:{taken}{ROOT}"
        if as_json:
            emit("serving", url=url)
        else:
            typer.echo(f"{url}    stop: Ctrl-C")
        await asyncio.sleep(seconds if seconds is not None else 10**9)
