"""How a process without an Envoy finds the control plane: the bootstrap of the gRPC library.

Pure functions over plain data. The config stands in the environment, in JSON; there is no secret in
it, only the names of files that hold some.

https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md#xdsclient-and-bootstrap-file
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.placement import SERVER_LISTENER
from mini_mesh.ports import LOOPBACK

VARIABLE = "GRPC_XDS_BOOTSTRAP_CONFIG"
SCHEME = "xds:///"  # before the name of a service, in what a client is to connect to
LOCALITY = {"region": "local", "zone": "", "sub_zone": ""}  # grpc-js refuses a node without one


@dataclass(frozen=True, slots=True)
class GrpcNode:
    """Who a gRPC process says that it is, and where it finds the control plane.

    ``certificates`` are its certificate providers by name, as the bootstrap has them (A29).
    """

    id: str
    cluster: str
    xds_port: int
    certificates: Mapping[str, Any] = field(default_factory=dict)


def bootstrap(node: GrpcNode) -> dict[str, Any]:
    """The bootstrap as JSON-like data, for clients and for servers."""
    server = {
        "server_uri": f"{LOOPBACK}:{node.xds_port}",
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    config: dict[str, Any] = {
        "xds_servers": [server],
        "node": {"id": node.id, "cluster": node.cluster, "locality": LOCALITY},
        "server_listener_resource_name_template": SERVER_LISTENER,
    }
    if node.certificates:
        config["certificate_providers"] = dict(node.certificates)
    return config


def environment(node: GrpcNode) -> dict[str, str]:
    """What a process needs in its environment so that ``xds:`` means our control plane to gRPC."""
    return {VARIABLE: json.dumps(bootstrap(node))}
