"""A plugin: one module, started and configured, with its root context.

The order is Envoy's: the module's own start, then ``proxy_on_context_create``,
``proxy_on_vm_start`` and ``proxy_on_configure`` on the root context.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from wasm_filters.border import HostFunction, Limits
from wasm_filters.buffer import Buffer
from wasm_filters.context import Context
from wasm_filters.errors import BadPointer, GuestStopped, PluginError
from wasm_filters.host import Host, Settings
from wasm_filters.hostcalls import Hostcall
from wasm_filters.memory import Memory
from wasm_filters.module import Module
from wasm_filters.vm import Vm

MAX_QUEUE_CALLBACKS = 10_000  # after one callback; a filter that feeds its own queue would not end


class Listener(Protocol):
    """Hears everything that crosses the border, in order. None is attached by default."""

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None: ...

    def returned(self, name: str, result: int | None, host: Host) -> None: ...

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None: ...

    def answered(
        self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host
    ) -> None: ...


class Plugin:
    """A running plugin. ``failure`` is why its VM died, None while it lives.

    Starting raises PluginError if the filter refuses, GuestStopped if it traps.
    """

    def __init__(
        self,
        module: Module,
        settings: Settings,
        limits: Limits | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.module = module
        self.host = Host(module.version, settings)
        self.failure: GuestStopped | None = None
        self._listener: Listener | None = None
        self._last_id = self.host.root.id
        imports = [self._import(call) for call in module.hostcalls]
        self.vm = Vm(module.compiled, imports, limits)
        self._exports = {name: self.vm.export(name) for name in module.compiled.functions}
        self._allocator = self.vm.export(module.allocator, arms=False)
        self.host.memory = Memory(self.vm.window, self._allocate, self.host.warn)
        self.listen(listener)
        self._start()

    def _import(self, call: Hostcall) -> HostFunction:
        function = partial(call.function, self.host)
        return HostFunction(
            call.name, call.signature, function, call.on_bad_pointer, guarded=not call.at_start
        )

    def listen(self, listener: Listener | None) -> None:
        """Let ``listener`` hear all that follows; None for nobody, which costs nothing."""
        self._listener = listener
        for index, call in enumerate(self.module.hostcalls):
            function = partial(call.function, self.host)
            if listener is not None:
                function = partial(_heard, listener, self.host, call)
            self.vm.functions[index] = function

    def _allocate(self, size: int) -> int:
        before, self.vm.restricted = self.vm.restricted, "while memory is allocated"
        try:
            return self._allocator(size) if self._allocator else 0
        finally:
            self.vm.restricted = before

    def _start(self) -> None:
        host, settings = self.host, self.host.settings
        host.contexts[host.root.id] = host.root
        self._run_start_functions()
        self.vm.restricted = ""
        host.plugin_configuration = Buffer(settings.configuration)
        self.call("proxy_on_context_create", host.root, host.root.id, 0)
        host.plugin_configuration = None
        size = len(settings.vm_configuration)
        if self.call("proxy_on_vm_start", host.root, host.root.id, size) == 0:
            raise PluginError(f"{self.module.name}: proxy_on_vm_start refused its configuration")
        self._configure()

    def _run_start_functions(self) -> None:
        if self.call("_initialize", self.host.root) is None:
            self.call("_start", self.host.root)
        elif "main" in self._exports:
            self.call("main", self.host.root, 0, 0)

    def _configure(self) -> None:
        host = self.host
        configuration = host.settings.configuration
        host.plugin_configuration = Buffer(configuration)
        accepted = self.call("proxy_on_configure", host.root, host.root.id, len(configuration))
        host.plugin_configuration = None
        if accepted == 0:
            said = [log.message for log in host.logs]
            why = f"; its last log: {said[-1]}" if said else ""
            raise PluginError(
                f"{self.module.name}: proxy_on_configure refused the configuration{why}"
            )

    def new_context(self) -> Context:
        """A stream context that the filter does not know yet."""
        self._last_id += 1
        context = Context(id=self._last_id, root=self.host.root.id)
        self.host.contexts[context.id] = context
        return context

    def open_context(self, context: Context) -> None:
        """Tell the filter of a new context."""
        self.call("proxy_on_context_create", context, context.id, context.root)

    def close_context(self, context: Context) -> None:
        """Log, done, delete: in that order in Envoy, whatever done answers."""
        self.call("proxy_on_log", context, context.id)
        context.logged = None
        self.call("proxy_on_done", context, context.id)
        self.call("proxy_on_delete", context, context.id)
        self.drop_context(context)

    def drop_context(self, context: Context) -> None:
        """Forget a context without telling the filter, whose VM is dead."""
        self.host.contexts.pop(context.id, None)

    def call(self, name: str, context: Context, *arguments: int) -> int | None:
        """Call the export ``name``; None if there is none. GuestStopped if it does not return."""
        export = self._exports.get(name)
        if export is None:
            return None
        if self.failure is not None:
            raise self.failure
        host = self.host
        host.calling, host.current = name, context
        listener = self._listener
        if listener is not None:
            listener.called(name, arguments, host)
        try:
            result = export(*arguments)
        except GuestStopped as failure:
            self.failure = failure
            raise
        finally:
            host.calling, host.current = "", host.root
        if listener is not None:
            listener.returned(name, result, host)
        return result

    def deliver_queues(self) -> None:
        """Tell the root context of every item that came into one of its queues."""
        host = self.host
        for _ in range(MAX_QUEUE_CALLBACKS):
            if not host.queues_ready:
                return
            queue = host.queues_ready.popleft()
            self.call("proxy_on_queue_ready", host.root, host.root.id, queue)
        host.warn(f"more than {MAX_QUEUE_CALLBACKS} queue items at once; the rest wait")


def _heard(listener: Listener, host: Host, call: Hostcall, *arguments: int) -> int:
    listener.hostcall(call, arguments, host)
    try:
        status = call.function(host, *arguments)
    except BadPointer:
        status = call.on_bad_pointer
    listener.answered(call, arguments, status, host)
    return status
