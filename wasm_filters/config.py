"""How a plugin is configured, in the words of Envoy's PluginConfig and VmConfig.

Source: envoy, api/envoy/extensions/wasm/v3/wasm.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

RELOAD_BACKOFF = 1.0  # seconds, Envoy's default for failure_policy FAIL_RELOAD


class Mode(Enum):
    """Whose answers a filter gets: those of Envoy 1.40, or those that the spec asks for."""

    ENVOY = "envoy"
    SPEC = "spec"


class FailurePolicy(Enum):
    """What happens to requests when a plugin's VM has died.

    FAIL_CLOSED answers them with 503. FAIL_OPEN lets later ones pass unfiltered. FAIL_RELOAD
    answers 503 until a new VM may start (``RELOAD_BACKOFF``). LEGACY_FAIL_OPEN is the deprecated
    ``fail_open: true``: also the request that killed the VM passes.
    """

    FAIL_CLOSED = "FAIL_CLOSED"
    FAIL_OPEN = "FAIL_OPEN"
    FAIL_RELOAD = "FAIL_RELOAD"
    LEGACY_FAIL_OPEN = "fail_open"


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """One plugin. Plugins with the same ``vm_id``, ``vm_configuration`` and code share one VM.

    ``capabilities`` are the imports and exports that may be used (``allowed_capabilities``), all
    of them when it is empty. ``stops_at_headers`` is ``allow_on_headers_stop_iteration``: a
    headers callback that answers StopIteration then stops the headers only, not the body.
    ``reload_backoff`` is in seconds. ``properties`` are what this plugin finds instead of
    what its worker's ``Surroundings`` say, by their path (``"xds.cluster_name"``).
    """

    name: str = ""
    root_id: str = ""
    configuration: bytes = b""
    vm_id: str = ""
    vm_configuration: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    failure_policy: FailurePolicy = FailurePolicy.FAIL_CLOSED
    reload_backoff: float = RELOAD_BACKOFF
    stops_at_headers: bool = False
