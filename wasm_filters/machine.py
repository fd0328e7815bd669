"""A running VM: one module, started, with the contexts of all plugins that share it.

Rule 1: a VM that trapped is dead; nothing is called in it any more (``failure`` says why).
Rule 2: what hostcalls ask for that reaches beyond the VM is done when the callback has returned,
in the order in which it was asked for (proxy-wasm-cpp-host, DeferAfterCallActions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from wasm_filters.capabilities import restricted
from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import HostFunction, Limits
from wasm_filters.engine.memory import Memory
from wasm_filters.engine.vm import GuestFunction, Vm
from wasm_filters.errors import BadPointer, GuestStopped, HostFailed
from wasm_filters.hostcalls import Hostcall
from wasm_filters.module import Module
from wasm_filters.state.context import Context
from wasm_filters.state.host import Environment, Host


class Listener:
    """Hears everything that crosses the border, in order. None is attached by default.

    To hear only some of it, inherit and override that.
    """

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        """A callback, or another export, is called."""

    def returned(self, name: str, result: int | None, host: Host) -> None:
        """It returned."""

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        """It did not return, nor did the hostcall that it was in, if any."""

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        """A hostcall is made."""

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        """It was answered."""


class Machine:
    """A started VM. ``failure`` is why it died, None while it lives; ``stopped`` says that the last
    callback replied or closed its stream, so that in HTTP its answer does not count.

    Starting raises GuestStopped if the module traps or hangs.
    """

    def __init__(
        self,
        module: Module,
        config: PluginConfig,
        worker: Environment,
        limits: Limits | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.module = module
        self.host = Host(module.version, config, worker)
        self.host.caller = self
        self.failure: GuestStopped | None = None
        self.stopped = False
        self._listener: Listener | None = None
        self._last_id = 0
        self._calls = restricted(module.hostcalls, config.capabilities)
        self.vm = Vm(module.compiled, [self._import(call) for call in self._calls], limits)
        self._exports = _Exports(self.vm, config.capabilities)
        allocate = self.vm.allocator(module.allocator)
        self.host.memory = Memory(self.vm.window, allocate, self.host.warn)
        self.host.stack = self.vm.stack
        self._handed_over = self.vm.limits.handed_over
        if listener is not None:
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
        for index, call in enumerate(self._calls):
            function = partial(call.function, self.host)
            if listener is not None:
                function = partial(_heard, listener, self.host, call)
            self.vm.functions[index] = function

    def _start(self) -> None:
        nobody = self.host.current
        if not self.exports("_initialize"):
            self.call("_start", nobody)
        else:
            self.call("_initialize", nobody)
            if self.exports("main"):
                self.call("main", nobody, 0, 0)
            else:
                self.call("__main_void", nobody)
        if self.failure is not None:
            raise self.failure
        self.vm.restricted = ""

    def exports(self, name: str) -> bool:
        """Whether the module has the callback ``name``, and may be called there."""
        return self._exports[name] is not None

    def new_context(self, config: PluginConfig, parent: Context | None = None) -> Context:
        """A context that the module does not know yet; a root context without ``parent``."""
        self._last_id += 1
        context = Context(self._last_id, config, parent)
        self.host.contexts[context.id] = context
        return context

    def drop_context(self, context: Context) -> None:
        self.host.contexts.pop(context.id, None)

    def call(self, name: str, context: Context, *arguments: int) -> int | None:
        """Call the export ``name``, then do what its hostcalls asked for.

        None if there is no such export or it did not return (then ``failure`` is set).
        """
        export = self._exports[name]
        host = self.host
        if export is None or self.failure is not None:
            return None
        before = host.calling, host.current, host.called
        host.calling, host.current, host.called = name, context, context
        host.memory.left = self._handed_over
        listener = self._listener
        result: int | None = None
        try:
            if listener is not None:
                listener.called(name, arguments, host)
            result = export(*arguments)
            if listener is not None:
                listener.returned(name, result, host)
        except GuestStopped as failure:
            self._die(failure)
            if listener is not None:
                listener.stopped(name, failure, host)
        except BaseException as error:
            self._die(HostFailed(name, f"the host failed: {error!r}"))
            raise
        finally:
            host.calling, host.current, host.called = before
        if host.stopping or host.actions:
            self._act()
        else:
            self.stopped = False
        return result

    def _act(self) -> None:
        """Do what the callback's hostcalls asked for; more callbacks may run in it."""
        host = self.host
        stopped, host.stopping = host.stopping, False
        while host.actions:
            host.actions.popleft()()
        self.stopped = stopped

    def _die(self, failure: GuestStopped) -> None:
        self.failure = failure
        self.host.actions.clear()

    def later(self, action: Callable[[], object]) -> None:
        """Do ``action`` first when the next callback has returned."""
        self.host.actions.append(action)

    def close(self) -> None:
        """Give the VM's memory back at once; the module is not told, and called no more."""
        if self.failure is None:
            self.failure = GuestStopped("", "the VM was closed")
        self._exports.clear()
        self.host.memory = Memory(lambda: memoryview(b""), lambda size: 0, self.host.warn)
        self.vm.close()


class _Exports(dict[str, GuestFunction | None]):
    """The functions that may be called in a VM, each looked up when it is first asked for: a
    module exports thirty, and a request needs seven."""

    def __init__(self, vm: Vm, capabilities: frozenset[str]) -> None:
        super().__init__()
        self._vm = vm
        self._capabilities = capabilities

    def __missing__(self, name: str) -> GuestFunction | None:
        allowed = not self._capabilities or _may_be_called(name, self._capabilities)
        found = self[name] = self._vm.export(name) if allowed else None
        return found


def _may_be_called(name: str, capabilities: frozenset[str]) -> bool:
    """A restricted VM is called in the listed callbacks, and where it must be to run at all."""
    return name in capabilities or not name.startswith("proxy_on_") or name.endswith("_allocate")


def _heard(listener: Listener, host: Host, call: Hostcall, *arguments: int) -> int:
    listener.hostcall(call, arguments, host)
    try:
        status = call.function(host, *arguments)
    except BadPointer:
        status = call.on_bad_pointer
    listener.answered(call, arguments, status, host)
    return status
