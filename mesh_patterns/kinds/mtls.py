"""Mutual TLS: callers and workloads prove to each other who they are.

Envoy: TLS on the listener in front of the workload and in its callers' clusters, with certificates
of the mesh's own authority. ``strict`` refuses plaintext; ``permissive`` takes it, too, from those
who are not in the mesh yet: the mesh's own callers never send any. Who wants others to be refused
as well says so with ``authorization``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mesh_patterns.draft import Draft, Placed, settle
from mesh_patterns.identity import LIFE
from mesh_patterns.selector import inbound, is_edge
from mesh_patterns.spec import PatternSpec, TrustDomain
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import AlsoWritten
from mesh_yaml.values import Duration

SHORTEST = timedelta(seconds=10)  # of a certificate's life: it is renewed after two thirds of it


def _off(value: Any) -> Any:
    """``off`` is ``false`` to some who write YAML."""
    return "off" if value is False else value


def _lasting(value: timedelta) -> timedelta:
    if value < SHORTEST:
        wanted = f"a certificate lasts at least {SHORTEST.seconds}s"
        raise ValueError(f"{wanted}, got {value.total_seconds():g}s")
    return value


class MtlsSpec(PatternSpec):
    """Encrypt and authenticate what reaches a service."""

    on: str = Field(description="service, or '*'")
    mode: Annotated[
        Literal["strict", "permissive", "off"], BeforeValidator(_off), AlsoWritten.of("boolean")
    ] = Field("strict", description="permissive takes plaintext, too")
    trust_domain: TrustDomain | None = Field(
        None, description="of the whole mesh's SPIFFE ids; by default the mesh's name"
    )
    cert_ttl: Annotated[Duration, AfterValidator(_lasting)] | None = Field(
        None,
        description=f"how long a certificate lasts; by default {LIFE.total_seconds() / 3600:g}h",
    )


def apply(spec: MtlsSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on) or "/" in spec.on:
        message = f"mutual TLS is of a whole service, got {spec.on!r}; name the service"
        raise DocumentError.at(place, message)
    names = [each.service for each in inbound(draft.mesh, spec.on, place)]
    for name in names:
        mode: Placed[str] = Placed(spec.mode, spec.place(), spec.override)
        draft.mtls[name] = settle(f"mutual TLS of {name!r}", draft.mtls.get(name), mode)
    _settle_mesh(spec, draft)


def _settle_mesh(spec: MtlsSpec, draft: Draft) -> None:
    """What is said here is so for the whole mesh."""
    if spec.trust_domain is not None:
        domain = Placed(spec.trust_domain, spec.place("trust_domain"), spec.override)
        draft.trust_domain = settle("the trust domain", draft.trust_domain, domain)
    if spec.cert_ttl is not None:
        life = Placed(spec.cert_ttl, spec.place("cert_ttl"), spec.override)
        draft.certificate_life = settle("the certificates' life", draft.certificate_life, life)
