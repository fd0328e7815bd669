"""``meshloom wasm inspect``: what a module is, and everything that keeps it from loading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from meshloom.output import counted
from meshloom.wasm import options

if TYPE_CHECKING:
    from wasm_filters.inspection.checks import Problem
    from wasm_filters.inspection.inspect import Report
    from wasm_filters.inspection.interface import MemoryType

_WIDTH = 100  # columns that a list of names fills
_INDENT = " " * 14


def inspect(filter_file: options.FilterFile, as_json: options.Json = False) -> None:
    """Show what a module is, without running it.

    ABI, language and SDK, callbacks, imports with what Envoy does not have, memory. Exits 1 when
    it would not load, with everything that is wrong; 2 when it is no core module at all.
    """
    from wasm_filters.errors import ModuleError
    from wasm_filters.inspection import inspect as wasm_inspect
    from wasm_filters.inspection.checks import ENVOY, HERE
    from wasm_filters.module import read_code

    try:
        report = wasm_inspect.inspect(read_code(filter_file), str(filter_file))
    except ModuleError as error:
        options.bad_input(error, error)
    hosts = {host: report.loads_in(host) for host in (ENVOY, HERE)}
    if as_json:
        typer.echo(json.dumps(_as_json(report, hosts), indent=2))
    else:
        typer.echo("\n".join([str(filter_file), *_lines(report, hosts)]))
    if not all(hosts.values()):
        raise typer.Exit(1)


def _lines(report: Report, hosts: dict[str, bool]) -> Iterator[str]:
    yield from _head(report)
    yield from _callbacks(report)
    yield from _imports(report)
    problems = [line for one in report.problems for line in _problem(one)]
    for title, lines in (
        ("notes", [f"  {note}" for note in report.notes]),
        (counted(len(report.problems), "problem"), problems),
    ):
        if lines:
            yield from ("", title, *lines)
    yield ""
    yield _verdict(hosts)


def _head(report: Report) -> Iterator[str]:
    from wasm_filters.inspection.checks import printable

    facts = {
        "size": f"{report.size:,} bytes",
        "sha256": report.sha256,
        "ABI": report.version.value if report.version else "none",
        "language": report.origin.language or "unknown",
        "SDK": report.origin.sdk or "unknown",
        "memory": _memory(report.memory, report.memory_type),
        "names": f"of {report.names:,} functions" if report.names is not None else "none",
    }
    for name, fact in facts.items():
        yield f"  {name:<10}  {printable(fact, _WIDTH)}"
    yield from _listed("tools", [printable(tool) for tool in report.origin.tools])
    yield from _listed("uses", list(report.proposals))
    custom = [f"{printable(name)} {_size(size)}" for name, size in report.custom]
    yield from _listed("sections", custom)


def _memory(export: str | None, memory: MemoryType | None) -> str:
    if memory is None:
        return "none"
    pages = counted(memory.minimum, "page")
    most = f"at most {memory.maximum:,}" if memory.maximum is not None else "no maximum"
    seen = f"exported as {export!r}" if export else "not exported"
    return f"{pages} ({_size(memory.bytes)}), {most}, {seen}"


def _size(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:,.0f} KiB" if size < 1 << 20 else f"{size / (1 << 20):,.1f} MiB"


def _callbacks(report: Report) -> Iterator[str]:
    yield from ("", "callbacks" if report.callbacks else "no callbacks")
    for group, callbacks in report.callbacks.items():
        for index, one in enumerate(callbacks):
            wrong = f"   expected {one.wanted}" if one.signature != one.wanted else ""
            yield f"  {'' if index else group:<10}  {one.name:<40}  {one.signature}{wrong}"


def _imports(report: Report) -> Iterator[str]:
    from wasm_filters.inspection.checks import printable

    modules: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for one in sorted(report.imports, key=lambda one: one.wanted.module != "env"):
        name = printable(one.wanted.name)
        modules.setdefault(one.wanted.module, []).append(name)
        notes.setdefault(one.note, []).append(name)
    yield from ("", "imports" if modules else "no imports")
    for module, names in modules.items():
        yield from _listed(printable(module), names)
    for note, names in notes.items():
        if note:
            yield from _listed("", [*names[:-1], f"{names[-1]}: {note}"])


def _listed(name: str, items: Sequence[str]) -> Iterator[str]:
    """``name`` and its items, in as many lines as they need; nothing without items."""
    if not items:
        return
    if len(name) > 10:
        yield f"  {name}"
    line = f"  {name:<10}  " if len(name) <= 10 else _INDENT
    for item in [*(f"{item}, " for item in items[:-1]), items[-1]]:
        if len(line) > len(_INDENT) and len(line) + len(item.rstrip()) > _WIDTH:
            yield line.rstrip()
            line = _INDENT
        line += item
    yield line.rstrip()


def _problem(problem: Problem) -> Iterator[str]:
    from wasm_filters.inspection.checks import BOTH, ENVOY, HERE

    other = HERE if problem.by == (ENVOY,) else ENVOY
    who = "" if problem.by == BOTH else f"   ({other} takes it)"
    yield f"  {problem.message}{who}"
    yield f"    {problem.advice}"


def _verdict(hosts: dict[str, bool]) -> str:
    loads = [host for host, takes in hosts.items() if takes]
    fails = [host for host, takes in hosts.items() if not takes]
    said = [f"loads in {' and in '.join(loads)}"] if loads else []
    said += [f"does not load in {' or in '.join(fails)}"] if fails else []
    return ", ".join(said)


def _as_json(report: Report, hosts: dict[str, bool]) -> dict[str, Any]:
    memory = report.memory_type
    return {
        "size": report.size,
        "sha256": report.sha256,
        "abi": report.version.value if report.version else None,
        "language": report.origin.language or None,
        "sdk": report.origin.sdk or None,
        "tools": list(report.origin.tools),
        "memory": memory
        and {"export": report.memory, "minimum": memory.minimum, "maximum": memory.maximum,
             "page": memory.page, "shared": memory.shared, "64_bit": memory.wide},
        "named_functions": report.names,
        "start_section": report.starts,
        "uses": list(report.proposals),
        "custom_sections": dict(report.custom),
        "callbacks": {
            group: {one.name: str(one.signature) for one in callbacks}
            for group, callbacks in report.callbacks.items()
        },
        "imports": [
            {"module": one.wanted.module, "name": one.wanted.name, "kind": one.wanted.kind,
             "signature": str(one.wanted.signature) if one.wanted.signature else None,
             "note": one.note or None}
            for one in report.imports
        ],
        "notes": list(report.notes),
        "problems": [
            {"message": one.message, "advice": one.advice, "refused_by": list(one.by)}
            for one in report.problems
        ],
        "loads": hosts,
    }  # fmt: skip
