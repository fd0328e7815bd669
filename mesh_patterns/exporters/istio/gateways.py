"""Gateway: the ingress, with the hosts of all services that are there.

https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.compile.hosts import ingress_hosts
from mesh_patterns.draft import Draft
from mesh_patterns.exporters.services import Known
from mesh_patterns.model import INGRESS

Made = dict[str, Any]
NAME = "ingress"


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """One, if anybody is at the ingress."""
    edges = [edge for (caller, _), edge in draft.edges.items() if caller == INGRESS]
    if not edges:
        return []
    domains = [domain for host in ingress_hosts(draft, edges) for domain in host.domains]
    hosts = list(dict.fromkeys(each for each in domains if not each.endswith(":*")))
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": hosts}
    return [
        {
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": {"name": NAME},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]},
        }
    ]  # fmt: skip
