"""``meshloom wasm fuzz``: requests that a filter does not survive, and the shortest of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import parse_for
from meshloom.output import Progress, emit
from meshloom.wasm import options

if TYPE_CHECKING:
    from wasm_filters.fuzzing.attempt import Subject
    from wasm_filters.fuzzing.hunt import Found, Hunt, Report
    from wasm_filters.fuzzing.leaks import Leak

DEFAULT_COUNT = 1000
NO_FILE = (  # for a leak
    "no test file: tests say what becomes of a request, and it takes hundreds to see memory grow;"
    ' "meshloom wasm bench" shows it again'
)
MAX_SHOWN_LINES = 60  # of a trace; the test file has the case itself
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same cases.")]
Count = Annotated[
    int | None, typer.Option("--count", "-n", min=1, help="How many cases; 1,000 if not given.")
]
For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="As many as in this time: 30s, 5m.")
]
Out = Annotated[Path, typer.Option("-o", metavar="DIR", help="Where test files are written.")]
Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="NAME", help="A service that it calls, if not seen to."),
]
ChunksAgree = Annotated[
    bool,
    typer.Option("--chunks-agree", help="A body must be treated alike, whole or in pieces."),
]


def fuzz(
    filter_file: options.FilterFile,
    config: options.Config = None,
    root_id: options.RootId = "",
    seed: Seed = 0,
    count: Count = None,
    for_: For = None,
    exit_first: Annotated[bool, typer.Option("-x", help="Stop at the first finding.")] = False,
    out: Out = Path(),
    cluster: Clusters = None,
    chunks_agree: ChunksAgree = False,
    as_json: options.Json = False,
) -> None:
    """Try requests, answers, bodies in pieces and configurations on a filter, until it breaks.

    Looks for traps, hangs, pauses that nothing ends and memory that grows. What the filter asks for
    by name, and the texts in its module, are what the cases are made of. The shortest case of each
    finding becomes a file for "meshloom wasm test", but for memory, which no single case shows.

    Exits 0 when nothing was found, 1 when something was, 2 on bad input.
    """
    from wasm_filters.fuzzing.hunt import MAX_FINDINGS, Hunt
    from wasm_filters.fuzzing.leaks import leak

    if count is not None and for_ is not None:
        raise typer.BadParameter("expected one of --count and --for", param_hint="--for")
    own = options.read(config, "--config")
    subject, code = _subject(filter_file, own, root_id, chunks_agree)
    progress = Progress()
    hunt = Hunt(
        subject,
        _lexicon(code, own, cluster or []),
        seed,
        count if count is not None or for_ is not None else DEFAULT_COUNT,
        parse_for(for_),
        1 if exit_first else MAX_FINDINGS,
        lambda report: progress.show(_under_way(report)),
    )
    started = time.perf_counter()
    report = hunt.run()
    found_leak = leak(subject)
    progress.clear()
    seconds = time.perf_counter() - started
    files = [_written(found, filter_file, out, own, root_id, seed) for found in report.found]
    show = _show_json if as_json else _show
    show(hunt, report, files, found_leak, seconds)
    raise typer.Exit(int(bool(report.found) or found_leak is not None))


def _subject(file: Path, own: bytes, root_id: str, chunks_agree: bool) -> tuple[Subject, bytes]:
    """The filter, which must start with its own configuration."""
    from wasm_filters.config import PluginConfig
    from wasm_filters.errors import WasmError
    from wasm_filters.fuzzing.attempt import LIMITS, Subject
    from wasm_filters.worker import Worker

    try:
        own.decode()
    except UnicodeDecodeError as error:
        options.bad_input("--config: not UTF-8, expected a text", error)
    code, module = options.load(file)
    config = PluginConfig(file.stem, root_id, own)
    try:
        Worker(limits=LIMITS).plugin(module, config)
    except WasmError as error:
        options.refuse(error, file)
    return Subject(module, config, chunks_agree=chunks_agree), code


def _lexicon(code: bytes, own: bytes, clusters: list[str]) -> Any:
    from wasm_filters.fuzzing.lexicon import Lexicon

    return Lexicon.of(code, own.decode(), clusters=clusters)


def _under_way(report: Report) -> str:
    found = f"{len(report.found)} found" if report.found else "nothing found"
    return f"{report.cases:,} cases   {found}"


def _written(
    found: Found, filter_file: Path, out: Path, own: bytes, root_id: str, seed: int
) -> Path:
    from wasm_filters.fuzzing.testfile import file_name, text

    file = out / file_name(filter_file.stem, found)
    try:
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(text(found, filter_file, out, own.decode(), root_id, seed))
    except OSError as error:
        options.bad_input(f"-o {file}: {error.strerror}", error)
    return file


def _trace(subject: Subject, found: Found) -> str:
    """What the shortest case does, call by call."""
    from wasm_filters.fuzzing.attempt import attempt
    from wasm_filters.tracing.trace import Trace

    trace = Trace()
    attempt(subject, found.draft, trace)
    return str(trace)


def _show(
    hunt: Hunt, report: Report, files: list[Path], found_leak: Leak | None, seconds: float
) -> None:
    for found, file in zip(report.found, files, strict=True):
        typer.echo(f"{found.finding}   after {found.after:,} cases")
        typer.echo(f"  {file}")
        lines = _trace(hunt.subject, found).splitlines()
        for line in lines[-MAX_SHOWN_LINES:]:
            typer.echo(f"      {line}")
    if found_leak is not None:
        typer.echo(f"{found_leak}\n  {NO_FILE}")
    number = len(report.found) + (found_leak is not None)
    said = f"{number} found" if number else "nothing found"
    typer.echo(f"{said}   {report.cases:,} cases   {seconds:.1f} s   seed {hunt.seed}")


def _show_json(
    hunt: Hunt, report: Report, files: list[Path], found_leak: Leak | None, seconds: float
) -> None:
    for found, file in zip(report.found, files, strict=True):
        emit(
            "finding",
            kind=found.finding.kind,
            callback=found.finding.callback,
            reason=found.finding.reason,
            function=found.finding.where,
            after=found.after,
            file=str(file),
            test=json.loads(json.dumps(found.draft.as_test("fuzz", found.finding.expect))),
            trace=_trace(hunt.subject, found).splitlines(),
        )
    if found_leak is not None:
        emit(
            "finding",
            kind="memory",
            reason=str(found_leak),
            sizes=list(found_leak.sizes),
            file=None,
            why_no_file=NO_FILE,
        )
    emit(
        "result",
        findings=len(report.found) + (found_leak is not None),
        cases=report.cases,
        shrinks=report.shrinks,
        seconds=round(seconds, 3),
        seed=hunt.seed,
    )
