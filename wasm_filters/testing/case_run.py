"""One test runs: on a worker of its own, so that it sees nothing of what another one left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from wasm_filters.abi import LogLevel
from wasm_filters.errors import GuestStopped, ModuleError, PluginError
from wasm_filters.http.chain import PATIENCE, HttpChain
from wasm_filters.machine import Listener
from wasm_filters.services.upstream import empty_ok
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.testing import setup
from wasm_filters.testing.calls import Calls, together
from wasm_filters.testing.cases import Case
from wasm_filters.testing.checks import NOT_COUNTED, Seen, misses, queue_of
from wasm_filters.testing.language.expect import ExpectSpec
from wasm_filters.testing.language.suite import StepSpec
from wasm_filters.testing.match import Miss
from wasm_filters.testing.modules import Modules
from wasm_filters.testing.services import Script
from wasm_filters.testing.tcp import play
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

_COUNTED = {"hostcalls", "callbacks"}
_NOTHING = ExpectSpec()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a test is not as expected: where it is expected, what, and what was seen."""

    place: Place
    what: str
    expected: str
    seen: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: expected {self.expected}, saw {self.seen}"


class CaseRun:
    """``counted``: ``calls`` holds who was called, by step. ``traced``: ``trace`` hears the last
    step that ran. ``warnings`` are what the host says of the filters."""

    def __init__(
        self, case: Case, modules: Modules, counted: bool = False, traced: bool = False
    ) -> None:
        self.calls: list[Calls] = []
        self.trace = Trace()
        self.warnings: tuple[str, ...] = ()
        self._case = case
        self._folder = case.suite.folder
        self._modules = modules
        self._counted = counted
        self._traced = traced
        self._scripts = dict(self._clusters())
        level = LogLevel[case.suite.spec.log_level.upper()]
        clusters = {name: script.upstream for name, script in self._scripts.items()}
        self._worker = Worker(case.mode, clusters=clusters, log_level=level)
        self._chain = HttpChain(self._worker, [])
        self._vm_ids: list[str] = []
        self._dead: list[GuestStopped] = []
        self._rejected = ""

    def _clusters(self) -> Iterator[tuple[str, Script]]:
        suite, case = self._case.suite, self._case
        for spec, node in ((suite.spec, suite.node), (case.spec, case.node)):
            for name, answers in spec.clusters.items():
                yield name, Script(name, answers, self._folder, node.find("clusters", name))

    def findings(self) -> list[Finding]:
        """Run the steps, up to the first one in which something is not as expected.

        Raises:
            DocumentError: the filter or another file can't be loaded.
        """
        try:
            found: list[Finding] = []
            for index, step in enumerate(self._case.spec.all_steps()):
                found = self._step(index, step)
                if found or self._rejected:
                    break
            return found
        finally:
            self.warnings = tuple(self._worker.journal.warnings)
            self._worker.close()

    def _step(self, index: int, step: StepSpec) -> list[Finding]:
        node = self._case.step_node(index)
        calls = self._listen(step)
        if index == 0:
            self._start()
            happens = step.request is not None or step.connection is not None
            if happens and not self._rejected:
                self._listen_anew(calls)
        upstream = Script("upstream", list(step.upstream or ()), self._folder, node)
        warned = len(self._worker.journal.warnings)
        called = self._worker.callouts.count
        found = (
            [] if self._rejected else [_finding(miss, node) for miss in self._events(step, node)]
        )
        seen = self._traffic(step, node, upstream)
        seen.warnings = self._worker.journal.warnings[warned if index else 0 :]
        seen.callouts = self._worker.callouts.since(called if index else 0)
        seen.calls = calls.total() if calls else NOT_COUNTED
        found += [_finding(miss, node, "expect") for miss in misses(step.expect or _NOTHING, seen)]
        for script in (*self._scripts.values(), upstream):
            found += _unanswered(script)
        return sorted(found, key=lambda finding: finding.place)

    # who listens

    def _listen(self, step: StepSpec) -> Calls | None:
        calls = Calls() if self._counted or step.expected() & _COUNTED else None
        if calls is not None:
            self.calls.append(calls)
        self._listen_anew(calls)
        return calls

    def _listen_anew(self, calls: Calls | None) -> None:
        """From here on there is another trace: of this step, or of its request without the start
        of the filters."""
        listeners: list[Listener] = [calls] if calls is not None else []
        if self._traced:
            self.trace = Trace()
            listeners.append(self.trace)
        listener = together(listeners)
        if listener is not None:
            self._worker.listen(listener)

    # what happens

    def _start(self) -> None:
        """Start the filters, with the shared data that is there already."""
        worker, case = self._worker, self._case
        configured = setup.plugins(case)
        self._vm_ids = list(dict.fromkeys(config.vm_id for _, config in configured))
        for key, spec in case.spec.shared.items():
            data = spec.content(self._folder, case.node.find("shared", key))
            for vm_id in self._vm_ids:
                worker.shared.set(vm_id, key.encode(), data, 0)
        plugins = []
        for index, (file, config) in enumerate(configured):
            place = setup.filter_node(case.suite, index).place
            module = self._modules.load(file, place)
            try:
                plugins.append(worker.plugin(module, config))
            except (PluginError, GuestStopped) as error:
                self._rejected = str(error)
                return
            except ModuleError as error:
                raise DocumentError.at(place, f"{file}: {error}") from error
        self._chain = HttpChain(worker, plugins, case.suite.spec.buffer_limit)

    def _events(self, step: StepSpec, node: Node) -> Iterator[Miss]:
        """Time passes, and items come."""
        if step.advance is not None:
            self._worker.advance(step.advance.total_seconds())
        for name, bodies in step.enqueue.items():
            found = queue_of(self._worker.shared, self._vm_ids, name)
            if found is None:
                yield Miss(("enqueue", name), "a queue of that name", "none: nobody registered it")
                continue
            where = node.find("enqueue", name)
            for index, spec in enumerate(bodies):
                queue_id, queue = found
                queue.items.append(spec.content(self._folder, where.find(index)))
                if queue.tell is not None:
                    queue.tell(queue_id)
        self._worker.loop.run(0)

    def _traffic(self, step: StepSpec, node: Node, upstream: Script) -> Seen:
        worker = self._worker
        seen = Seen(self._folder, worker.shared, self._vm_ids, rejected=self._rejected)
        if step.connection is not None and not self._rejected:
            chain = TcpChain(worker, self._chain.plugins, self._case.suite.spec.buffer_limit)
            where = node.find("connection")
            seen.connection = play(chain, step.connection, self._folder, where)
        if step.request is not None and not self._rejected:
            seen.outcome = self._chain.handle(
                setup.request(step.request, self._folder, node.find("request")),
                upstream.upstream if upstream.answers else empty_ok,
                step.request.chunks,
                PATIENCE if step.patience is None else step.patience.total_seconds(),
            )
        seen.logs = (*seen.outcome.logs, *worker.journal.logs)
        worker.journal.logs.clear()
        seen.metrics = worker.metrics()
        dead = [vm.failure for vm in worker.vms.machines() if vm.failure is not None]
        seen.failure = next((failure for failure in dead if failure not in self._dead), None)
        self._dead = dead
        return seen


def _finding(miss: Miss, node: Node, *under: str) -> Finding:
    found = node.find(*under, *miss.path)
    what = ".".join(map(str, miss.path))
    return Finding(found.key or found.place, what, miss.expected, miss.seen)


def _unanswered(script: Script) -> Iterator[Finding]:
    for request in script.unanswered:
        seen = f"{request.method} {request.path}, and none is for it"
        where = script.node if script.name != "upstream" else script.node.find("upstream")
        yield Finding(where.key or where.place, script.name, "an answer for each request", seen)
    script.unanswered.clear()
