"""A plugin: one module with one configuration and its root context, on a VM that it may share.

The order is Envoy's: the module's own start, then ``proxy_on_context_create``,
``proxy_on_vm_start`` and ``proxy_on_configure`` on the root context.
"""

from __future__ import annotations

from wasm_filters.config import FailurePolicy, PluginConfig
from wasm_filters.errors import PluginError, WasmError
from wasm_filters.module import Module
from wasm_filters.properties import RootProperties
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.host import Host
from wasm_filters.vms import Vms


class Plugin:
    """A plugin that is running, or whose VM has died: then ``failure_policy`` says what happens.

    Starting raises PluginError if the module refuses its configuration, GuestStopped if it traps.
    """

    def __init__(self, module: Module, config: PluginConfig, vms: Vms) -> None:
        self.module = module
        self.config = config
        self._vms = vms
        self._load()

    def _load(self) -> None:
        self.machine = self._vms.machine(self.module, self.config)
        self.surroundings = self.host.worker.surroundings.having(self.config.properties)
        found = self._vms.root(self.machine, self.config)
        self.root = self._start() if found is None else found
        self._loaded = self.host.worker.clock()

    @property
    def host(self) -> Host:
        return self.machine.host

    def _start(self) -> Context:
        machine = self.machine
        root = machine.new_context(self.config)
        root.properties = RootProperties(self.surroundings)
        self._configuring("proxy_on_context_create", root, 0)
        self._ask("proxy_on_vm_start", root, len(self.config.vm_configuration))
        root.created = True
        self._configuring("proxy_on_configure", root, len(self.config.configuration))
        self._vms.keep_root(machine, root)
        return root

    def _configuring(self, name: str, root: Context, argument: int) -> None:
        """A callback that can read the plugin's configuration."""
        host = self.host
        host.plugin_configuration = Buffer(self.config.configuration)
        try:
            self._ask(name, root, argument)
        finally:
            host.plugin_configuration = None

    def _ask(self, name: str, root: Context, argument: int) -> None:
        answer = self.machine.call(name, root, root.id, argument)
        if self.machine.failure is not None:
            raise self.machine.failure
        if answer == 0 and name != "proxy_on_context_create":
            what = "the configuration" if name == "proxy_on_configure" else "to start"
            raise PluginError(f"{self.module.name}: {name} refused {what}{self._last_words()}")

    def _last_words(self) -> str:
        said = [log.message for log in self.host.journal.logs]
        return f"; its last log: {said[-1]}" if said else ""

    def stream_context(self) -> Context | None:
        """A stream context that the module does not know yet; None if the VM is dead.

        With FAIL_RELOAD a dead VM is replaced when its back-off has passed (Envoy,
        PluginConfig::maybeReloadHandleIfNeeded; its jitter is left out).
        """
        if self.machine.failure is not None and not self._reloaded():
            return None
        return self.machine.new_context(self.config, self.root)

    def _reloaded(self) -> bool:
        if self.config.failure_policy is not FailurePolicy.FAIL_RELOAD:
            return False
        waited = self.host.worker.clock() - self._loaded
        if waited < self.config.reload_backoff * 1e9:
            return False
        dead = self.machine
        self._vms.forget(dead)
        try:
            self._load()
        except WasmError as error:
            self._vms.forget(self.machine)
            self.machine = dead
            self._loaded = self.host.worker.clock()
            self.host.warn(f"the plugin could not be loaded again: {error}")
            return False
        return True

    @property
    def passes_when_dead(self) -> bool:
        """Requests that come when the VM is dead pass unfiltered."""
        policy = self.config.failure_policy
        return policy in (FailurePolicy.FAIL_OPEN, FailurePolicy.LEGACY_FAIL_OPEN)

    def foreign_function(self, function_id: int, arguments: bytes) -> None:
        """Call ``proxy_on_foreign_function``; ``arguments`` can be read in buffer 8.

        No Envoy extension calls it today; it is for hosts that do.
        """
        self.host.last_buffer = Buffer(arguments)
        root = self.root
        self.machine.call("proxy_on_foreign_function", root, root.id, function_id, len(arguments))

    def shut_down(self) -> bool:
        """End the root context as Envoy does when a VM goes; whether it is gone at once.

        A root that answers 0 from ``proxy_on_done`` stays until it calls ``proxy_done``.
        """
        machine, root = self.machine, self.root
        if machine.call("proxy_on_done", root, root.id) == 0:
            root.ending = self._delete
            return False
        self._delete()
        return True

    def _delete(self) -> None:
        self.root.ending = None
        self.machine.call("proxy_on_delete", self.root, self.root.id)
        self.machine.drop_context(self.root)
