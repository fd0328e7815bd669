"""ServiceEntry: services that others run.

https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.exporters.services import OUTSIDE_PROTOCOLS, Known
from mesh_patterns.external import External

Made = dict[str, Any]


def written(known: Sequence[Known]) -> list[Made]:
    """One for each service that others run."""
    return [
        _entry(each, each.service.external) for each in known if each.service.external is not None
    ]


def _entry(known: Known, external: External) -> Made:
    protocol = OUTSIDE_PROTOCOLS[known.service.protocol]
    name = protocol.lower()
    endpoints = [{"address": each.host, "ports": {name: each.port}} for each in external.addresses]
    hosts = dict.fromkeys([known.service.name, *known.service.hosts])
    return {
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": known.metadata(),
        "spec": {
            "hosts": [*hosts],
            "location": "MESH_EXTERNAL", "resolution": "DNS" if external.named else "STATIC",
            "ports": [{"number": external.addresses[0].port, "name": name, "protocol": protocol}],
            "endpoints": endpoints,
        },
    }  # fmt: skip
