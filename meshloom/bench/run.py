"""``meshloom bench run``: a load for a mesh that it brings up, or for one that runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import EnvoyPath, Json, MeshName, Variables, parse_variables
from meshloom.bench import options

if TYPE_CHECKING:
    from mesh_patterns.draft import Draft
    from meshloom.bench.asked import Asked
    from meshloom.bench.measure import How, Measured
    from mini_mesh.mesh import MiniMesh
    from mini_mesh.smp.mesh import About


def run(
    files: options.BenchFiles = None,
    to: options.To = None,
    url: options.Url = None,
    rate: options.Rate = None,
    connections: options.Connections = None,
    duration: options.Duration = None,
    warm_up: options.WarmUp = None,
    arrivals: options.ArrivalsOption = "constant",
    path: Annotated[str, typer.Option("--path", help="Of requests to edges.")] = "/",
    method: Annotated[str, typer.Option("--method", "-X", help="Of all requests.")] = "",
    header: options.Headers = None,
    body: options.Body = "",
    timeout: Annotated[str, typer.Option(metavar="TIME", help="For one answer.")] = "10s",
    generator: options.Generator = "auto",
    processes: Annotated[int, typer.Option(min=1, max=64, help="That send, of our own.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often all is repeated.")] = 1,
    without: options.Without = None,
    score: Annotated[bool, typer.Option("--score", help="A MeshMark-style score, too.")] = False,
    weight: options.Weights = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Write SMP files.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of Poisson arrivals.")] = 0,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Also to URLs on other machines.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", help="Worker threads of each Envoy.")] = 1,
    mesh: MeshName = None,
    var: Variables = None,
    envoy: EnvoyPath = None,
    as_json: Json = False,
) -> None:
    """Send an open-loop load, and tell how long answers took.

    Requests are due at fixed times, whatever became of those before, and their times count from
    then: what waits for a stall is in them (no coordinated omission).

    With files it brings their mesh up; else it goes to the one that runs, or to --url alone.
    Exits 2 on bad input, and where the load can't be sent.
    """
    from debugger.admin.interface import AdminError
    from meshloom.bench.asked import Asked
    from meshloom.bench.measure import How
    from mini_mesh.load.aim import Message
    from mini_mesh.load.load import LoadError

    data = options.body(body)
    fields, verb = options.headers(header), method or ("POST" if data else "GET")
    asked = Asked(
        to=tuple(to or ()),
        urls=tuple(url or ()),
        message=Message(path, verb.upper(), fields, data, anywhere),
        rate=rate,
        connections=connections,
        seconds=options.seconds(duration, "--duration"),
        warm_up=options.seconds(warm_up, "--warm-up"),
        arrivals=arrivals,
        timeout=options.seconds(timeout, "--timeout") or 10.0,
        seed=seed,
    )
    how = How(generator, processes, rounds, workers)
    weights = options.weights(weight)
    wanted = Wanted(tuple(without or ()), score, weights, output, as_json)
    source = Source(tuple(files or ()), mesh, parse_variables(var), envoy)
    try:
        asyncio.run(Bench(asked, how, wanted, source).run())
    except (LoadError, AdminError, OSError, ValueError) as error:
        typer.echo(f"meshloom bench: {error}", err=True)
        raise typer.Exit(2) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """What else is to be told of it, and where."""

    without: tuple[str, ...] = ()
    score: bool = False
    weights: dict[str, float] = field(default_factory=dict)
    output: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a mesh that is to be brought up, or the name of one that runs."""

    files: tuple[Path, ...]
    mesh: str | None
    variables: dict[str, str]
    envoy: Path | None


class Bench:
    """One run of the command."""

    def __init__(self, asked: Asked, how: How, wanted: Wanted, source: Source) -> None:
        self._asked, self._how, self._wanted, self._source = asked, how, wanted, source
        self._about: About | None = None

    async def run(self) -> None:
        """Raises ``LoadError``, ``AdminError``, ``DocumentError``, ``NoMesh``, ``OSError``."""
        from meshloom.bench.asked import sorted_files, with_config

        meshes, configs = sorted_files(self._source.files)
        for config in configs:
            self._asked = with_config(self._asked, config)
        if self._asked.generator and self._how.generator == "auto":
            self._how = replace(self._how, generator=self._of_config())
        if meshes:
            await self._brought_up(meshes)
            return
        if self._wanted.without:
            raise ValueError("--without wants the files of a mesh that it may change")
        await self._tell(await self._rounds(self._running()), None)

    def _of_config(self) -> str:
        """The generator that a config names, where it is here."""
        import shutil

        from mini_mesh.load.others.generator import GENERATORS

        name = self._asked.generator
        return name if name in GENERATORS and shutil.which(name) else "auto"

    def _running(self) -> dict[str, Any] | None:
        """The mesh that runs; none where there are URLs, and nobody has named one."""
        from meshloom.state import find_mesh

        if self._asked.urls and self._source.mesh is None:
            return None
        return find_mesh(self._source.mesh).state

    async def _rounds(self, state: dict[str, Any] | None) -> Measured:
        from meshloom.bench.measure import measure, merged

        found = [await measure(self._asked, state, self._how) for _ in range(self._how.rounds)]
        return merged(found)

    async def _brought_up(self, files: list[Path]) -> None:
        from mesh_patterns.load import load
        from meshloom.bench.measure import about, brought_up, pushes

        draft = load(files, self._source.variables)
        bare = self._bare(draft) if self._wanted.without else None
        for warning in [*draft.mesh.warnings, *draft.warnings]:
            typer.echo(str(warning), err=True)
        async with brought_up(draft, self._source.envoy, self._how.workers) as mesh:
            if bare is None:
                measured, other = await self._rounds(mesh.state()), None
            else:
                measured, other = await self._both(mesh, draft, bare)
            measured.pushes = await pushes(mesh)
            self._about = about(draft, self._how.workers, measured.pushes)
        await self._tell(measured, other)

    def _bare(self, draft: Draft) -> Draft:
        """The mesh without some of its patterns. Raises ``ValueError`` for what it has not got."""
        from mesh_patterns.load import apply
        from mesh_yaml.suggest import suggest

        kinds = {spec.pattern for spec in draft.mesh.patterns}
        for name in self._wanted.without:
            if name not in (*kinds, "all"):
                known = suggest(name, [*kinds, "all"])
                raise ValueError(f"--without: the mesh has no pattern {name!r}{known}")
        gone = kinds if "all" in self._wanted.without else set(self._wanted.without)
        left = tuple(spec for spec in draft.mesh.patterns if spec.pattern not in gone)
        return apply(replace(draft.mesh, patterns=left))

    async def _both(self, mesh: MiniMesh, draft: Draft, bare: Draft) -> tuple[Measured, Measured]:
        """With and without in turn, so that what else the machine does meets both."""
        from meshloom.bench.measure import measure, merged

        found: tuple[list[Measured], list[Measured]] = ([], [])
        for _ in range(self._how.rounds):
            for those, of in zip(found, (draft, bare), strict=True):
                if mesh.draft is not of:
                    await mesh.change(of)
                    await mesh.control.in_effect()
                those.append(await measure(self._asked, mesh.state(), self._how))
        return merged(found[0]), merged(found[1])

    async def _tell(self, measured: Measured, without: Measured | None) -> None:
        from meshloom.bench.told import tell

        tell(self._asked, measured, without, self._wanted, self._about)
