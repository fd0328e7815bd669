"""Reading the plugin's configuration in ABI 0.1.0; later versions read a buffer.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.1.0#proxy_get_configuration
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.state.host import Host


def get_configuration(host: Host, data_at: int, size_at: int) -> Status:
    """Hand over the plugin's configuration, or the VM's in ``proxy_on_vm_start``.

    INVALID_MEMORY_ACCESS: a pointer is outside of memory. ABI 0.1.0 only.
    """
    configuration = host.vm_configuration
    if host.calling != "proxy_on_vm_start":
        configuration = host.plugin_configuration or host.vm_configuration
    host.memory.hand_over(bytes(configuration.data), data_at, size_at)
    return Status.OK
