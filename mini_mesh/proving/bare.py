"""A mesh without its Envoys: of a service, the WASM filters, under wasmtime, and the workload.

The workloads are the mesh's own, asked at their ports. Nothing else of the mesh is here: no routes
(of several versions the first with a filter of its own answers), no faults, no authorization. A
workload that speaks gRPC is not asked: an empty 200 stands behind its filters.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mesh_patterns.compile.clusters import known
from mesh_patterns.compile.filters import at_workload
from mesh_patterns.compile.filters.wasm import vm_id
from mesh_patterns.draft import Draft, Filter, Target
from mesh_patterns.kinds.wasm import WasmFilter
from mesh_patterns.model import INGRESS, Instance, Mesh
from mesh_patterns.placement import Placement, Proxy, proxies, workload
from mesh_traffic import Request, Response
from mini_mesh.differ.arriving import arriving
from wasm_filters.config import FailurePolicy, PluginConfig
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.errors import WasmError
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.plugin import Plugin
from wasm_filters.services.real_service import service_at
from wasm_filters.services.upstream import NEVER, REFUSED, Answer, Upstream, empty_ok
from wasm_filters.worker import Worker

_POLICIES = {
    "fail": FailurePolicy.FAIL_CLOSED,
    "open": FailurePolicy.FAIL_OPEN,
    "reload": FailurePolicy.FAIL_RELOAD,
}


@dataclass(slots=True)
class Hop:
    """The filters of one Envoy and what is behind them; ``busy`` while a request is in there."""

    chain: HttpChain
    behind: Upstream
    busy: bool = False


class BareMesh:
    """The mesh of a draft, whose workloads are where ``placement`` has them. Each Envoy is a worker
    of its own; what filters keep lasts as long as this.

    ``unable`` says whom a filter asked in vain because that can't be done here, and ``silent`` why
    the last request got no answer; both are empty where there is nothing to say.
    """

    def __init__(self, draft: Draft, placement: Placement) -> None:
        self.unable = ""
        self.silent = ""
        self._draft = draft
        self._placement = placement
        self._hops: dict[Instance, Hop] = {}

    def way(self, caller: str, callee: str) -> Upstream | None:
        """What answers a request from ``caller`` to ``callee``; None if it passes no WASM filter.

        Raises:
            WasmError: a filter does not start.
        """
        ends = (caller, callee)
        first = _wasm(each for each in self._draft.filters if each.edge == ends)
        instance = self._instance(Target(callee))
        if not first and not _wasm(at_workload(self._draft, instance)):
            return None
        there = functools.partial(self._pass, self._hop(instance))
        if not first:
            return there
        proxy = _proxy_of_caller(self._draft.mesh, caller)
        return functools.partial(self._pass, Hop(self._chain(first, proxy), there))

    def _instance(self, target: Target) -> Instance:
        """Which of a service's versions stands for it."""
        here = target.instances(self._draft.mesh)
        own = {
            each.inbound.version
            for each in _wasm(self._draft.filters_before(target.service))
            if each.inbound
        }
        return next((each for each in here if each.version in own), here[0])

    def _hop(self, instance: Instance) -> Hop:
        found = self._hops.get(instance)
        if found is None:
            filters = _wasm(at_workload(self._draft, instance))
            chain = self._chain(filters, _proxy_before(self._draft.mesh, instance))
            found = self._hops[instance] = Hop(chain, self._workload(instance))
        return found

    def _chain(self, filters: Sequence[Filter], proxy: Proxy | None) -> HttpChain:
        clusters: dict[str, Upstream] = {}
        if filters and proxy is not None:
            for each in known(self._draft, proxy):
                clusters[each.name] = functools.partial(self._ask, each.target)
        worker = Worker(clusters=clusters)
        return HttpChain(worker, [_plugin(worker, each.config) for each in filters])

    def _pass(self, hop: Hop, request: Request) -> Response | Answer:
        hop.busy = True
        outcome = hop.chain.handle(arriving(request), hop.behind)
        hop.busy = False
        if outcome.response is None:
            self.silent = self.silent or _silence(outcome)
            return NEVER
        return outcome.response

    def _ask(self, target: Target, request: Request) -> Response | Answer:
        """A filter's call."""
        instance = self._instance(target)
        if not self._speaks_http(instance):
            self.unable = f"{target} speaks gRPC, which is possible in the mesh only"
            return REFUSED
        try:
            hop = self._hop(instance)
        except WasmError as error:
            self.unable = f"{target}: {error}"
            return REFUSED
        if hop.busy:
            self.unable = f"{target} is asked while it asks, which is possible in the mesh only"
            return REFUSED
        return self._pass(hop, request)

    def _workload(self, instance: Instance) -> Upstream:
        if not self._speaks_http(instance):
            return empty_ok
        return service_at(f"http://{self._placement.address(workload(instance))}")

    def _speaks_http(self, instance: Instance) -> bool:
        return self._draft.mesh.services[instance.service].protocol == "http"


def _wasm(filters: Iterable[Filter]) -> list[Filter]:
    return [each for each in filters if isinstance(each.config, WasmFilter)]


def _proxy_before(mesh: Mesh, instance: Instance) -> Proxy | None:
    return next((each for each in proxies(mesh) if instance in each.inbound), None)


def _proxy_of_caller(mesh: Mesh, caller: str) -> Proxy | None:
    def has(proxy: Proxy) -> Iterator[str]:
        yield from (each.name for each in proxy.callers)
        yield from [INGRESS] if proxy.ingress else []

    return next((each for each in proxies(mesh) if caller in has(each)), None)


def _plugin(worker: Worker, config: WasmFilter) -> Plugin:
    module = Module.load(config.file, CompiledCache.default())
    plugin = PluginConfig(
        name=config.name,
        root_id=config.root_id,
        configuration=config.configuration.encode(),
        vm_id=vm_id(config),
        vm_configuration=config.vm_configuration.encode(),
        failure_policy=_POLICIES[config.on_trap],
    )
    return worker.plugin(module, plugin)


def _silence(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return str(outcome.failure)
    return f"paused in {outcome.paused}" if outcome.paused else "the stream was reset"
