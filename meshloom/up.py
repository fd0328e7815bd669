"""``meshloom up``: bring a mesh up, keep it as its files say, take it down."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from mesh_yaml.place import DocumentError, Place
from meshloom import federating
from meshloom.arguments import (
    EnvoyPath,
    Json,
    KeptAuthority,
    Rollback,
    Variables,
    complete_file,
    parse_for,
    parse_variables,
    pattern_file,
)
from meshloom.capture import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debugger.desk.desk import Desk
    from mesh_patterns.draft import Draft
    from meshloom.report import Report
    from meshloom.running import Begun, OfferedTap
    from mini_mesh.mesh import MiniMesh
    from mini_mesh.watch import FileWatch
    from tap.redact import RuleBook

DEMO = Path(__file__).parent.parent / "mesh_patterns" / "catalog" / "demo" / "bookinfo.yaml"

HALF_WRITTEN = 0.03  # seconds in which the rest of a file may come that was seen half written


def up(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES...]",
            parser=pattern_file,
            autocompletion=complete_file,
            help="Pattern files; without any, the demo.",
        ),
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Stop after this time: 10s, 5m.")
    ] = None,
    json: Json = False,
    var: Variables = None,
    envoy: EnvoyPath = None,
    ports_from: Annotated[
        int | None,
        typer.Option("--ports-from", help="The same ports at every start, counted up from here."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Worker threads of each Envoy.")] = 1,
    rollback: Rollback = False,
    authority: KeptAuthority = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store/--no-store", help="Keep what crosses the mesh for 'meshloom tap query'."
        ),
    ] = True,
    capture: Annotated[
        Name,
        typer.Option("--capture", help="Where headers and bodies come from: docs/TAP.md."),
    ] = "buffered",
    redact: Annotated[
        Path | None,
        typer.Option("--redact", metavar="FILE", help="What is secret in captures, as YAML."),
    ] = None,
    otlp: Annotated[
        int | None,
        typer.Option(
            "--otlp",
            metavar="PORT",
            min=0,
            max=65534,
            help="Take spans and logs of OpenTelemetry: by gRPC at this port (4317 is usual), "
            "by HTTP at the next; 0 for any.",
        ),
    ] = None,
    publish: federating.Publish = None,
    export: federating.Export = None,
    federate: federating.Federate = None,
    federation_token: federating.FederationToken = None,
) -> None:
    """Run a mesh of real Envoys and follow its files.

    Until Ctrl-C, or for the time given. A change of a file is served within milliseconds, or
    refused with its line, and the last good config stays.
    """
    from meshloom.report import JsonReport, TextReport

    seconds = parse_for(for_)
    report = JsonReport() if json else TextReport(returns=rollback)
    captures = Captures(store, redact, capture, otlp)
    joining = federating.Federation.of(publish, export, federate, federation_token)
    session = Session(files or [DEMO], parse_variables(var), report, captures, joining)
    running = session.run(envoy, ports_from, workers, seconds, rollback, authority)
    raise typer.Exit(asyncio.run(running))


T = TypeVar("T")


class Followed(Protocol):
    """What follows the files: it is as ``draft`` says, until it is changed."""

    draft: Draft

    async def change(self, draft: Draft) -> None: ...


@dataclass(frozen=True, slots=True)
class Captures:
    """Whether what crosses the mesh is ``stored``, the file that says what of it is secret, the
    ``source`` of headers and bodies, and the port at which programs tell of it by OTLP."""

    stored: bool
    rules: Path | None
    source: Name = "buffered"
    otlp: int | None = None

    def read(self) -> RuleBook | None:
        """The rules; raises DocumentError. None: the usual ones."""
        if self.rules is None:
            return None
        from tap.redact.read import read_rules

        return read_rules(self.rules)


class Session:
    """One run of ``meshloom up``."""

    def __init__(
        self,
        files: Sequence[Path],
        variables: Mapping[str, str],
        report: Report,
        captures: Captures | None = None,
        federation: federating.Federation | None = None,
    ) -> None:
        self._files, self._variables, self._report = files, variables, report
        self._federation = federation or federating.Federation()
        self._captures = captures or Captures(stored=False, rules=None)
        self._stop = asyncio.Event()
        self._rejected = False  # whether the files say something that does not run
        self._watch: FileWatch
        self._tap: OfferedTap
        self._desk: Desk

    async def run(
        self,
        envoy: Path | None,
        first_port: int | None,
        workers: int,
        seconds: float | None,
        rollback: bool = False,
        authority: Path | None = None,
    ) -> int:
        """Until Ctrl-C, SIGTERM or ``seconds`` have passed; the exit code.

        1 when a process stayed down, or when what runs is older than what the files say.
        """
        from mesh_patterns.load import load
        from meshloom.running import find_envoy, open_mesh, otlp_doors, started
        from mini_mesh.watch import FileWatch
        from tap.sources.otlp import Receiver

        self._end_at_signals()
        binary = find_envoy(envoy)
        rules = self._captures.read()
        # looked at before they are read: no change while the mesh starts goes unnoticed
        self._watch = FileWatch(self._files)
        draft = load(self._files, self._variables)
        self._watch.follow(draft.all_files())
        self._report.starting(draft.mesh.name, binary.describe())
        self._report.warned([*draft.mesh.warnings, *draft.warnings])
        source, heard, receiver = self._captures.source, self._report.heard, Receiver()
        async with AsyncExitStack() as stack:
            doors = otlp_doors(receiver, self._captures.otlp)
            otlp = await stack.enter_async_context(doors)
            opening = open_mesh(
                binary,
                heard,
                first_port,
                workers,
                rollback,
                findable=True,
                otlp=otlp,
                capture=source,
                authority=authority,
            )
            mesh = await stack.enter_async_context(opening)
            starting = stack.enter_async_context(started(mesh, draft, receiver))
            begun = await self._unless_stopped(asyncio.ensure_future(starting))
            if begun is None:
                return 0
            await self._offer(stack, mesh, begun, rules)
            await self._serve(mesh, seconds)
            code = 1 if mesh.failed or mesh.control.behind or self._rejected else 0
        self._report.stopped()
        return code

    async def _offer(
        self, stack: AsyncExitStack, mesh: MiniMesh, begun: Begun, rules: RuleBook | None
    ) -> None:
        """Let others look at the mesh, and hold its requests."""
        from meshloom.breakpoints import offer_desk
        from meshloom.running import offer_tap
        from meshloom.tap.places import new_store

        name = mesh.draft.mesh.name
        where = new_store(name, os.getpid()) if self._captures.stored else None
        tap = offer_tap(mesh, begun, where, rules, self._captures.source)
        self._tap = await stack.enter_async_context(tap)
        self._desk = await stack.enter_async_context(offer_desk(mesh, rules))
        joined = await stack.enter_async_context(self._federation.running(mesh, self._report))
        if joined is not None:
            self._files = [*self._files, joined]
            self._watch.follow([*mesh.draft.all_files(), joined])

    def _end_at_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)

    async def _serve(self, mesh: Followed, seconds: float | None) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._follow_files(mesh))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
            watching.cancel()

    async def _unless_stopped(self, starting: asyncio.Future[T]) -> T | None:
        """What the start gives; None if somebody said stop before it came to its end."""
        stopped = asyncio.ensure_future(self._stop.wait())
        both: set[asyncio.Future[Any]] = {starting, stopped}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return await starting if starting.done() else None
        finally:  # also when a Ctrl-C came before we could listen for it
            stopped.cancel()
            starting.cancel()
            await asyncio.wait({starting})

    async def _follow_files(self, mesh: Followed) -> None:
        """Follow the files: every change is compiled and pushed, or told why not."""
        async for changed in self._watch:
            await self._follow(mesh, changed)

    async def _follow(self, mesh: Followed, changed: Iterable[Path]) -> None:
        from mesh_patterns.difference import summary
        from mesh_patterns.load import load

        try:
            draft = load(self._files, self._variables)
            self._watch.follow(draft.all_files())
            self._report.changed(changed, summary(mesh.draft.mesh, draft.mesh))
            self._report.warned([*draft.mesh.warnings, *draft.warnings])
            await mesh.change(draft)
            self._report.followed()
            await self._retell()
            self._rejected = False
        except DocumentError as error:
            await asyncio.sleep(HALF_WRITTEN)
            if not self._watch.pending:
                self._reject(error)
                # a file that is new and wrong is where the person will mend it
                wrong = (Path(problem.place.file) for problem in error.problems)
                self._watch.follow([*mesh.draft.all_files(), *(f for f in wrong if f.is_file())])
        except OSError as error:
            self._reject(DocumentError.at(Place(str(self._files[0])), str(error)))

    async def _retell(self) -> None:
        """Tell who looks at the mesh that it has changed."""
        await self._tap.follow()
        self._desk.learn(self._tap.hub.topology)
        self._federation.follow()

    def _reject(self, error: DocumentError) -> None:
        self._rejected = True
        self._report.rejected(error.problems)
