"""A claim's request through the service's own WASM filters, under wasmtime: the other engine.

No Envoy takes part: the filters of the service that the claim is about, in their order, and behind
them an upstream that answers 200 with an empty body.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec, receiver
from mesh_patterns.kinds.wasm import WasmFilter
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.proving import judge as judging
from mini_mesh.proving.judge import Verdict
from mini_mesh.proving.observed import Observed, Sample
from wasm_filters.config import PluginConfig
from wasm_filters.engine.cache import CompiledCache, default_folder
from wasm_filters.errors import WasmError
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.plugin import Plugin
from wasm_filters.worker import Worker


def judge(claim: ClaimSpec, draft: Draft) -> Iterator[Verdict]:
    """The claim's verdicts on one answer, as wasmtime gives it."""
    configs = filters_of(claim, draft)
    if not configs:
        place = str(claim.place("engines"))
        text = "a wasm filter on its way"
        yield Verdict(judging.title(claim, "wasmtime"), text, "none", False, place)
        return
    start = time.perf_counter()
    try:
        response = run(configs, claim)
        sample = Sample(
            response.status, time.perf_counter() - start, response.headers, response.body.text
        )
    except WasmError as error:
        sample = Sample(-1, time.perf_counter() - start, error=str(error))
    once = claim.model_copy(update={"send": 1})
    once.located(claim.node)
    for verdict in judging.answered(once, Observed((sample,))):
        yield replace(verdict, claim=f"{verdict.claim} (wasmtime)")


def filters_of(claim: ClaimSpec, draft: Draft) -> list[WasmFilter]:
    """The WASM filters that the claim's request passes: the caller's own, then the service's."""
    to = receiver(claim, draft.mesh)
    ends = (claim.caller(draft.mesh), to)
    at_caller = [each.config for each in draft.filters if each.edge == ends]
    there = [each.config for each in draft.filters if each.inbound and each.inbound.service == to]
    return [config for config in [*at_caller, *there] if isinstance(config, WasmFilter)]


def run(configs: list[WasmFilter], claim: ClaimSpec) -> Response:
    """The request through all filters, in their order, each on a VM of its own."""
    request = Request(
        method=claim.method,
        path=claim.path,
        authority=claim.host or claim.to or "",
        headers=Headers.of((name.lower(), value) for name, value in claim.headers.items()),
        body=Body(claim.body.encode()),
    )
    worker = Worker()
    chain = HttpChain(worker, [_plugin(worker, at, each) for at, each in enumerate(configs)])
    response = chain.handle(request).response
    return response if response is not None else Response(status=-1)


def _plugin(worker: Worker, at: int, config: WasmFilter) -> Plugin:
    module = Module.load(config.file, CompiledCache(default_folder()))
    plugin = PluginConfig(
        configuration=config.configuration.encode(),
        vm_id=str(at),
        vm_configuration=config.vm_configuration.encode(),
    )
    return worker.plugin(module, plugin)
