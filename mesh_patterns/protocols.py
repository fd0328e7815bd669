"""What the workloads of a service speak, and what that means for the Envoys on the way.

Of HTTP and gRPC an Envoy sees requests: routes, retries and HTTP filters are for them. Of the
others it sees connections, or commands of a protocol of its own; what is about requests is refused
there by name (``streams.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protocol:
    """``scheme`` is that of its addresses. ``requests``: it is HTTP, or in it. ``splits``: a
    caller's Envoy can share what it sees among versions. ``named``: a client says by SNI whom it
    wants, so several services can share a port of the ingress.
    """

    scheme: str
    requests: bool = False
    splits: bool = True
    named: bool = False


PROTOCOLS: Mapping[str, Protocol] = {
    "http": Protocol("http", requests=True),
    "grpc": Protocol("http", requests=True),
    "tcp": Protocol("tcp"),
    "tls": Protocol("tls", named=True),  # the workload's own: no Envoy opens it
    "redis": Protocol("redis", splits=False),
    "thrift": Protocol("thrift"),  # framed, binary
}
