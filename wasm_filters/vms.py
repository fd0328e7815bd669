"""Which plugins share a VM: those with the same ``vm_id``, VM configuration and code.

Source: proxy-wasm-cpp-host, src/wasm.cc (makeVmKey) and src/context.cc (makePluginKey).
"""

from __future__ import annotations

from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.machine import Listener, Machine
from wasm_filters.module import Module
from wasm_filters.state.context import Context
from wasm_filters.state.host import Environment

_Key = tuple[str, bytes, int]


class Vms:
    """The VMs of one worker, by what makes them the same."""

    def __init__(
        self, worker: Environment, limits: Limits | None = None, listener: Listener | None = None
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._listener = listener
        self._machines: dict[_Key, Machine] = {}
        self._roots: dict[tuple[int, str, str, bytes], Context] = {}

    def machine(self, module: Module, config: PluginConfig) -> Machine:
        """The VM for a plugin, made if there is none. GuestStopped if the module does not start."""
        key = (config.vm_id, config.vm_configuration, id(module.compiled))
        found = self._machines.get(key)
        if found is None:
            found = Machine(module, config, self._worker, self._limits, self._listener)
            self._machines[key] = found
        return found

    def forget(self, machine: Machine) -> None:
        """Make a new VM for whoever asks next."""
        self._machines = {k: m for k, m in self._machines.items() if m is not machine}
        self._roots = {k: c for k, c in self._roots.items() if k[0] != id(machine)}

    def root(self, machine: Machine, config: PluginConfig) -> Context | None:
        """The root context of a plugin with the same name, root_id and configuration."""
        return self._roots.get((id(machine), config.name, config.root_id, config.configuration))

    def keep_root(self, machine: Machine, root: Context) -> None:
        config = root.config
        self._roots[id(machine), config.name, config.root_id, config.configuration] = root

    def listen(self, listener: Listener | None) -> None:
        """Let ``listener`` hear all VMs, those to come included; None for nobody."""
        self._listener = listener
        for machine in self._machines.values():
            machine.listen(listener)

    def close(self) -> None:
        for machine in self._machines.values():
            machine.close()

    def machines(self) -> list[Machine]:
        return list(self._machines.values())
