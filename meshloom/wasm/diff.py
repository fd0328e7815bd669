"""``meshloom wasm diff``: the same requests through our host and through a real Envoy."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.arguments import EnvoyPath
from meshloom.wasm import options
from meshloom.wasm.diff_report import Report

if TYPE_CHECKING:
    from mini_mesh.differ.case import Case
    from mini_mesh.envoy_binary import EnvoyBinary
    from wasm_filters.config import PluginConfig
    from wasm_filters.module import Module

    _Filter = tuple[Module, PluginConfig]

DEFAULT_COUNT = 100

_Requests = Annotated[
    Path | None,
    typer.Option(
        "--requests",
        metavar="DIR|FILE",
        help="Requests to send: .http, HAR, mitmproxy flows, lines of tap --json, or a folder.",
    ),
]
_Seed = Annotated[int, typer.Option("--seed", help="Which generated requests.")]
_Count = Annotated[
    int | None,
    typer.Option("--count", min=0, help="How many to generate: 100, or none with --requests."),
]
_Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="NAME", help="A cluster that answers callouts with 200."),
]
_Filters = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILTER.wasm…",
        callback=options.all_found,
        help="The filters, in their order; meshloom:NAME is one of ours.",
    ),
]
_IN_TURN = "; of several filters, one for each in turn."
_Config = Annotated[
    list[str] | None,
    typer.Option("--config", metavar="FILE", help=f"A filter's configuration{_IN_TURN}"),
]
_VmConfig = Annotated[
    list[str] | None,
    typer.Option("--vm-config", metavar="FILE", help=f"A VM's configuration{_IN_TURN}"),
]
_RootId = Annotated[
    list[str] | None, typer.Option("--root-id", help=f"The root_id of a plugin config{_IN_TURN}")
]
_VmId = Annotated[
    list[str] | None, typer.Option("--vm-id", help=f"The vm_id of a VM config{_IN_TURN}")
]


def diff(
    filter_files: _Filters,
    requests: _Requests = None,
    seed: _Seed = 0,
    count: _Count = None,
    config: _Config = None,
    vm_config: _VmConfig = None,
    root_id: _RootId = None,
    vm_id: _VmId = None,
    cluster: _Clusters = None,
    as_json: options.Json = False,
    envoy: EnvoyPath = None,
) -> None:
    """Send the same requests through filters here and in Envoy, and compare the outcomes.

    Compared are what the client and the upstream get, callouts, logs, every callback and hostcall
    with its answer, and metrics. A difference that docs/FIDELITY.md explains is counted under its
    name and does no harm.

    Exits 0 when all agree, 1 when one differs, 2 on bad input.
    """
    from meshloom.running import find_envoy

    plugins = options.chain(filter_files, root_id, vm_id, config, vm_config)
    loaded = [options.load(file) for file in filter_files]
    modules = [module for _, module in loaded]
    filters = list(zip(modules, plugins, strict=True))
    cases = _cases(requests, seed, count, filters, cluster or [])
    found = find_envoy(envoy)
    report = Report(found.version, len(cases), as_json)
    codes = [code for code, _ in loaded]
    asyncio.run(_run(found, codes, filters, cluster or [], cases, report))
    report.end()
    raise typer.Exit(1 if report.differing else 0)


def _cases(
    requests: Path | None, seed: int, count: int | None, filters: list[_Filter],
    clusters: list[str],
) -> list[Case]:  # fmt: skip
    """Those of the file, then generated ones."""
    from mini_mesh.differ.generate import generate
    from mini_mesh.differ.learn import learn
    from mini_mesh.differ.sources import SourceError, read_cases
    from wasm_filters.errors import WasmError

    cases = []
    if count is None:
        count = 0 if requests else DEFAULT_COUNT
    try:
        if requests is not None:
            cases += read_cases(requests)
        vocabulary = learn(filters, clusters)  # also tells whether they start
        return cases + generate(seed, count, vocabulary)
    except (SourceError, WasmError) as error:
        options.bad_input(error, error)


async def _run(
    envoy: EnvoyBinary, codes: list[bytes], filters: list[_Filter], clusters: list[str],
    cases: list[Case], report: Report,
) -> None:  # fmt: skip
    from mini_mesh.differ.run import open_differ
    from mini_mesh.filter_rig.config import WasmFilter
    from mini_mesh.filter_rig.rig import RigError

    chain = [
        (WasmFilter(code, plugin), module)
        for code, (module, plugin) in zip(codes, filters, strict=True)
    ]
    try:
        with tempfile.TemporaryDirectory(prefix="meshloom-diff-") as folder:
            opened = open_differ(envoy, Path(folder), chain, clusters)
            async with opened as differ:
                for case in cases:
                    report.begin(case)
                    report.result(await differ.run(case))
                report.result(await differ.metrics())
    except RigError as error:
        report.broken(error)
