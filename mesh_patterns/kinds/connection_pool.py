"""Connection pools: how a caller's connections to a service are made, and how long they are used.

Envoy: ``Cluster.connect_timeout``, ``upstream_connection_options`` and ``HttpProtocolOptions``, at
the caller; of a service that speaks TCP or TLS, its TCP proxy's ``idle_timeout``. How many
connections there are is ``circuit_breaker``. Envoy makes them one by one as they are needed, and a
pool is of each worker thread, host and caller.
<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling>
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import ConnectionPool, Keepalive
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import Spec
from mesh_yaml.values import Duration, SomeTime

MAX_STREAMS = 2**31 - 1  # RFC 9113, section 6.5.2, and Envoy's
BYTES = ("tcp", "tls")  # whose connections a TCP proxy hands on


def _whole(value: timedelta) -> timedelta:
    if not value or value % timedelta(seconds=1):
        raise ValueError(f"expected whole seconds, got {value.total_seconds():g}s")
    return value


Seconds = Annotated[Duration, AfterValidator(_whole)]


class KeepaliveSpec(Spec):
    """Let TCP ask whether the other end is there; the operating system's own numbers if absent."""

    idle: Seconds | None = Field(None, description="until it asks first")
    interval: Seconds | None = Field(None, description="between two questions")
    probes: int | None = Field(None, ge=1, le=127, description="without an answer")


class PingSpec(Spec):
    """Let HTTP/2 ask whether the other end is there."""

    interval: SomeTime
    timeout: SomeTime = Field(description="after which the connection is given up")


class ConnectionPoolSpec(PatternSpec):
    """Say how connections to a service are."""

    on: str = Field(description=cluster_settings.ON)
    connect_timeout: SomeTime | None = Field(None, description="5s if absent")
    idle_timeout: Duration | None = Field(
        None, description="without a request, or a byte; 1h if absent, 0s: none"
    )
    max_connection_duration: SomeTime | None = Field(None, description="then it is drained")
    max_requests_per_connection: int | None = Field(None, ge=1, le=2**32 - 1)
    tcp_keepalive: KeepaliveSpec | None = None
    protocol: Literal["http1", "http2", "downstream"] | None = Field(
        None, description="http2 and http1 as the service's if absent; downstream: as who asks"
    )
    max_concurrent_streams: int | None = Field(
        None, ge=1, le=MAX_STREAMS, description="of an HTTP/2 connection, the next are on another"
    )
    ping: PingSpec | None = Field(None, description="of HTTP/2")

    @model_validator(mode="after")
    def _some(self) -> ConnectionPoolSpec:
        if not self.model_fields_set - {"pattern", "on", "override"}:
            raise ValueError("says nothing; expected a connect_timeout, an idle_timeout, …")
        return self

    def meaning(self) -> ConnectionPool:
        alive, ping = self.tcp_keepalive, self.ping
        return ConnectionPool(
            connect_timeout=self.connect_timeout,
            idle_timeout=self.idle_timeout,
            max_connection_duration=self.max_connection_duration,
            max_requests_per_connection=self.max_requests_per_connection,
            keepalive=Keepalive(alive.idle, alive.interval, alive.probes) if alive else None,
            protocol=self.protocol,
            max_concurrent_streams=self.max_concurrent_streams,
            ping=(ping.interval, ping.timeout) if ping else None,
        )


_OF_STREAMS = ("idle_timeout", "max_connection_duration")  # also of a TCP proxy
_OF_REQUESTS = (
    *_OF_STREAMS, "max_requests_per_connection", "protocol", "max_concurrent_streams", "ping",
)  # fmt: skip
_OF_HTTP2 = ("max_concurrent_streams", "ping")


def apply(spec: ConnectionPoolSpec, draft: Draft) -> None:
    found, version = cluster_settings.reached(draft, spec.on, spec.place("on"))
    for service in sorted({edge.callee for edge in found}):
        _check(spec, draft, service, version)
    value = Placed(spec.meaning(), spec.place(), spec.override)
    cluster_settings.put_on(draft, found, version, "connection_pool", value)


def _check(spec: ConnectionPoolSpec, draft: Draft, service: str, version: str | None) -> None:
    """That each thing is said of a protocol which has it."""
    speaks = draft.mesh.services[service].protocol
    if not draft.mesh.services[service].requests:
        allowed = _OF_STREAMS if speaks in BYTES and version is None else ()
        _refuse(spec, (name for name in _OF_REQUESTS if name not in allowed), service, speaks)
    elif speaks == "grpc" and spec.protocol == "http1":
        raise DocumentError.at(spec.place("protocol"), f"{service!r} speaks gRPC, which is HTTP/2")
    elif speaks == "http" and spec.protocol in (None, "http1"):
        for name in _OF_HTTP2:
            if getattr(spec, name) is not None:
                message = f"{name} is of HTTP/2; add 'protocol: http2'"
                raise DocumentError.at(spec.key_place(name), message)


def _refuse(spec: ConnectionPoolSpec, names: Iterable[str], service: str, speaks: str) -> None:
    for name in names:
        if getattr(spec, name) is not None:
            message = f"{name} is not of connections to {service!r}, which speaks {speaks}"
            raise DocumentError.at(spec.key_place(name), message)
