"""WASM filters as Envoy runs them, in V8.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/wasm/v3/wasm.proto
"""

from __future__ import annotations

import hashlib

from mesh_patterns.kinds.wasm import WasmFilter
from xds_server.mirror import any_of
from xds_server.protos import core, protobuf, wasm, wasm_filter

_POLICIES = {
    "fail": wasm.FailurePolicy.FAIL_CLOSED,
    "open": wasm.FailurePolicy.FAIL_OPEN,
    "reload": wasm.FailurePolicy.FAIL_RELOAD,
}


def message(meaning: WasmFilter) -> wasm_filter.Wasm:
    """The filter's configuration. Envoy reads the file itself."""
    return wasm_filter.Wasm(
        config=wasm.PluginConfig(
            name=meaning.name,
            root_id=meaning.root_id,
            vm_config=wasm.VmConfig(
                vm_id=vm_id(meaning),
                runtime="envoy.wasm.runtime.v8",
                code=core.AsyncDataSource(local=core.DataSource(filename=str(meaning.file))),
                configuration=_string(meaning.vm_configuration),
            ),
            configuration=_string(meaning.configuration),
            failure_policy=_POLICIES[meaning.on_trap],
        )
    )


def vm_id(meaning: WasmFilter) -> str:
    """What the VM that runs a filter is called, and what the data of its filters is kept under.

    Another file under the same path is another VM, and so is another configuration.

    Two plugins in one VM should be possible, but some SDKs keep one root context for all: the
    configuration that came last is everybody's, and a changed one reaches nobody.
    """
    parts = (meaning.sha256, meaning.root_id, meaning.configuration, meaning.vm_configuration)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return f"{meaning.name}-{digest}"


def _string(text: str) -> protobuf.Any | None:
    return any_of(protobuf.StringValue(value=text)) if text else None
