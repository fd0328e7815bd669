"""What a pattern file may hold.

Only shapes and single values are checked here; what needs a look at the rest of the file (does
that service exist?) is checked by the kinds, and by ``assemble.py``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)

from mesh_patterns.external import MAX_ADDRESSES, Address, address
from mesh_patterns.identity import MAX_DOMAIN
from mesh_patterns.replicas import MAX_REPLICAS
from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec, Text
from mesh_yaml.values import Port

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63),
]
Host = Annotated[str, StringConstraints(pattern=r"^\S+$", to_lower=True)]  # case means nothing


Locality = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$", max_length=200)
]


class VersionSpec(Spec):
    """One version of a service."""

    replicas: int = Field(
        1, ge=1, le=MAX_REPLICAS, description="workloads of it, each behind an Envoy of its own"
    )
    locality: Locality | None = Field(
        None, description="REGION, REGION/ZONE or REGION/ZONE/SUBZONE"
    )
    priority: int = Field(
        0, ge=0, le=15, description="0 is asked first, the next when too few of it are well"
    )
    weight: int | None = Field(
        None, ge=1, le=128, description="of each replica, among all hosts of the service"
    )
    run: str | None = Field(None, description="shell command; without it the built-in echo runs")
    port: Port | None = Field(None, description="where the workload listens; free if absent")
    env: dict[str, Text] = Field({}, description="more environment for the command")
    cwd: str | None = Field(None, description="working directory, from the file's folder")


TrustDomain = Annotated[str, Field(pattern=r"^[a-z0-9._-]+$", max_length=MAX_DOMAIN)]
ClientAuthorities = Annotated[
    Annotated[SomeText, Tag("file")] | Annotated[dict[TrustDomain, SomeText], Tag("domains")],
    Discriminator(lambda value: "domains" if isinstance(value, dict) else "file"),
]


class IngressTlsSpec(Spec):
    """How the ingress speaks TLS."""

    cert: str | None = Field(None, description="a file, PEM; else one of the mesh's own authority")
    key: str | None = Field(None, description="the certificate's private key, PEM")
    mutual: bool = Field(False, description="clients have to show a certificate, too")
    client_ca: ClientAuthorities | None = Field(
        None,
        description="who signed theirs, PEM; with 'mutual' the mesh's authority if absent. A "
        "mapping: SPIFFE ids of each trust domain, each by its own file",
    )
    min_version: Literal["1.2", "1.3"] = "1.2"
    plaintext: Literal["redirect", "refuse"] = Field(
        "redirect", description="at the same port: a 301 to https, or nothing"
    )

    @model_validator(mode="after")
    def _pair(self) -> IngressTlsSpec:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key need each other")
        if self.client_ca is not None and not self.mutual:
            raise ValueError("client_ca says whose certificates clients show: add 'mutual: true'")
        return self


def _tls(value: Any) -> Any:
    """``tls: true`` and ``tls: mutual``."""
    if value is True:
        return {}
    return {"mutual": True} if value == "mutual" else None if value is False else value


class IngressSpec(Spec):
    """How the outside reaches a service."""

    port: Port | None = Field(None, description="of the ingress; free if absent")
    hosts: list[Host] = Field(["*"], description="of the Host header; * is any", min_length=1)
    tls: Annotated[
        IngressTlsSpec | None, BeforeValidator(_tls), AlsoWritten.of("boolean", "string")
    ] = Field(None, description="true, mutual, or a mapping: https")


def _nothing(value: Any) -> Any:
    """``reviews:`` with nothing after it is a service with nothing said of it."""
    return {} if value is None else value


def _ingress(value: Any) -> Any:
    if value is True:
        return {}
    if isinstance(value, int | str) and not isinstance(value, bool):
        return {"port": value}
    return None if value is False else value


def _address(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f"expected HOST:PORT, got {value!r}")
    return address(value)


AddressText = Annotated[
    Address, PlainValidator(_address), WithJsonSchema({"type": "string", "pattern": r":\d+$"})
]


class OriginationSpec(Spec):
    """TLS from the mesh's Envoys to an external service."""

    sni: Host | None = Field(None, description="the name asked for; by default the address's")
    names: list[Host] = Field([], description="one is in its certificate; by default the sni")
    ca: str | None = Field(None, description="file of authorities; by default this machine's")
    verify: bool = Field(True, description="false: whoever answers will do")
    mutual: bool = Field(
        False, description="callers show the certificates that they have from the mesh's authority"
    )


def _origination(value: Any) -> Any:
    if value is True:
        return {}
    return None if value is False else value


class ExternalSpec(Spec):
    """A service that others run."""

    addresses: OneOrMore[AddressText] = Field(
        min_length=1, max_length=MAX_ADDRESSES, description="HOST:PORT, or a list of them"
    )
    tls: Annotated[
        OriginationSpec | None, BeforeValidator(_origination), AlsoWritten.of("boolean")
    ] = Field(None, description="true, or a mapping: callers' plaintext goes there as TLS")


def _external(value: Any) -> Any:
    return {"addresses": value} if isinstance(value, str | list) else value


class ServiceSpec(VersionSpec):
    """One service of the mesh."""

    versions: dict[
        Name, Annotated[VersionSpec, BeforeValidator(_nothing), AlsoWritten.of("null")]
    ] = Field({}, description="by name; one unnamed version if absent")
    calls: list[Name] = Field([], description="the services that this one calls")
    protocol: Literal["http", "grpc", "tcp", "tls", "redis", "thrift"] = Field(
        "http", description="what the workload speaks; grpc where the data plane is grpc"
    )
    ingress: Annotated[
        IngressSpec | None, BeforeValidator(_ingress), AlsoWritten.of("boolean", "integer")
    ] = Field(None, description="true, a port, or a mapping: reachable through the ingress")
    hosts: list[Host] = Field([], description="more names by which callers know it")
    external: Annotated[
        ExternalSpec | None, BeforeValidator(_external), AlsoWritten.of("string", "array")
    ] = Field(None, description="HOST:PORT, a list, or a mapping: others run it, out of the mesh")
    dataplane: Literal["sidecar", "grpc"] | None = Field(
        None, description="grpc: no Envoy, the gRPC library speaks xDS; by default the mesh's"
    )


class MeshSpec(Spec):
    """The services and how they are joined."""

    dataplane: Literal["sidecar", "node", "grpc"] = Field(
        "sidecar", description="an Envoy per service version, one for all, or none but the ingress"
    )
    egress: bool = Field(
        False, description="what goes to external services passes an Envoy of its own"
    )
    services: dict[
        Name, Annotated[ServiceSpec, BeforeValidator(_nothing), AlsoWritten.of("null")]
    ] = {}


class PatternSpec(Spec):
    """The base of every kind of pattern."""

    pattern: str
    override: bool = Field(False, description="wins over what other patterns say of the same")
