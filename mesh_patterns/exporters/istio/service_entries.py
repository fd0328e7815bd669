"""ServiceEntry: services that others run.

https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.exporters.services import Known

Made = dict[str, Any]
_PROTOCOLS = {"http": "HTTP", "grpc": "GRPC", "tls": "TLS"}


def written(known: Sequence[Known]) -> list[Made]:
    """One for each service that others run."""
    return [_entry(each) for each in known if each.outside]


def _entry(known: Known) -> Made:
    protocol = _PROTOCOLS.get(known.service.protocol, "TCP")
    return {
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": known.metadata(),
        "spec": {
            "hosts": [known.service.name, *known.service.hosts],
            "location": "MESH_EXTERNAL", "resolution": "STATIC",
            "ports": [{"number": 80, "name": protocol.lower(), "protocol": protocol}],
        },
    }  # fmt: skip
