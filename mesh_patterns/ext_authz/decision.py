"""What becomes of one request that somebody was asked about. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.access import Caller, access_holds
from mesh_patterns.ext_authz.rules import Allow, CheckPolicy, Deny
from mesh_traffic import Headers, Request

Decision = Allow | Deny


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as Envoy tells of it: ``headers`` by name in lower case, ``principal`` the name in
    the caller's certificate, ``address`` the caller's, ``claims`` those of a token that was checked
    before. ``body`` is as much of it as Envoy was told to send.
    """

    method: str
    path: str  # with the query
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""
    address: str = ""
    body: bytes = b""
    claims: Mapping[str, Any] = field(default_factory=dict)
    destination: str = ""  # the name in the workload's own certificate
    server_name: str = ""  # for whom the caller asked in TLS

    def request(self) -> Request:
        """It as all of meshloom speaks of requests."""
        fields = Headers(tuple(self.headers.items()))
        return Request(self.method, self.path, self.host, headers=fields)


# A decision, or none: then the rules decide. True and False are an ``Allow`` and a ``Deny``.
Judge = Callable[[Asked], Decision | bool | None]


def decide(policy: CheckPolicy, asked: Asked) -> Decision:
    """What the policy's rules say."""
    request = asked.request()
    caller = Caller(asked.principal, asked.address, asked.claims, asked.server_name)
    for rule in policy.rules:
        if access_holds(rule.when, request, caller):
            return rule.decision
    return policy.otherwise.decision


def settled(policy: CheckPolicy, said: Any, asked: Asked) -> Decision:
    """What comes of a function's answer. Raises TypeError: it is none."""
    if said is None:
        return decide(policy, asked)
    if isinstance(said, bool):
        return Allow() if said else Deny()
    if not isinstance(said, Allow | Deny):
        raise TypeError(f"expected Allow, Deny, a bool or None, got {type(said).__name__}")
    return said
