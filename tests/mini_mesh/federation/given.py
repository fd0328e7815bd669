"""A service that a mesh could publish."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from mini_mesh.federation.catalogue import Endpoint, FederatedService, ServiceInstance
from mini_mesh.federation.session import Session

API = FederatedService(
    "api",
    "api.shop.mesh",
    (Endpoint("127.0.0.1", 8080, ("gateway",)),),
    (ServiceInstance("api-v1", "HTTP", (("HOSTNAME", "api"),), ("gateway",)),),
)


def service(name: str = "api", **fields: Any) -> FederatedService:
    return replace(API, name=name, **fields)


def session(context: str = "") -> Session:
    return Session((f"n{number}" for number in count(1)), context)
