"""Who is who in a mesh with mutual TLS: SPIFFE ids, and the certificates that prove them.

An :class:`Identity` is data. Which ones a mesh needs follows from its draft (:func:`wanted`); who
issues them is the machine's affair (``mini_mesh.certificates.authority``), as ports are.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mesh_patterns.draft import Draft
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, MESH_CA, Mesh
from mesh_patterns.placement import ingress

STRICT, PERMISSIVE, OFF = "strict", "permissive", "off"
PROVIDER = "mesh"  # what gRPC processes call where their certificates come from (A29)
LIFE = timedelta(hours=24)  # of a certificate, unless a pattern gives it another

_IMAGINED = b"(issued when the mesh runs)\n"
_DOMAIN = re.compile(r"[^a-z0-9._-]")  # what a trust domain may not hold
NAMES = "dns:"  # what a certificate says that is no SPIFFE id: names, with commas between them
MAX_DOMAIN = 255  # SPIFFE-ID, section 2.3


@dataclass(frozen=True, slots=True)
class Identity:
    """A SPIFFE id and what proves it, all PEM: the certificate with what signed it, its private
    key, and whom to trust. The key is never shown.
    """

    uri: str
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    bundle: bytes = field(repr=False)

    @classmethod
    def imagined(cls, uri: str) -> Identity:
        """One that proves nothing: for showing what would be, when nothing runs."""
        return cls(uri, _IMAGINED, _IMAGINED, _IMAGINED)


def mode(draft: Draft, service: str) -> str:
    """How callers have to come to ``service``: ``strict``, ``permissive`` or ``off``."""
    placed = draft.mtls.get(service)
    return placed.value if placed else OFF


def secured(draft: Draft, service: str) -> bool:
    """Whether the mesh's callers come to ``service`` with certificates."""
    return mode(draft, service) != OFF


def trust_domain(draft: Draft) -> str:
    """The one that a pattern names, or else the mesh's name, in the letters that it may have."""
    if draft.trust_domain:
        return draft.trust_domain.value
    return _DOMAIN.sub("-", draft.mesh.name.lower())[:MAX_DOMAIN] or "mesh"


def spiffe_id(draft: Draft, name: str) -> str:
    """Of a service, of the ingress or of the client: what their certificates say they are."""
    return f"spiffe://{trust_domain(draft)}/{name}"


def wanted(draft: Draft) -> Mapping[str, str]:
    """The SPIFFE id of everybody who needs a certificate, by instance, the client and the ingress;
    of a port of the ingress that clients of others see, :data:`NAMES` and those that it has.

    Where a service wants one of its callers, everybody has one: routes lead further than calls.
    """
    at_ingress = {at: NAMES + ",".join(names) for at, names in names_at_ingress(draft.mesh).items()}
    if has_tls_at_ingress(draft.mesh):
        at_ingress[CLIENT] = spiffe_id(draft, CLIENT)  # so that one can try
    if not any(secured(draft, service) for service in draft.mtls) and not _shown(draft.mesh):
        return at_ingress
    found = {each.id: spiffe_id(draft, each.service) for each in draft.mesh.instances()}
    gateways = [CLIENT, INGRESS, *([EGRESS] if draft.mesh.egress else ())]
    return at_ingress | found | {name: spiffe_id(draft, name) for name in gateways}


def _shown(mesh: Mesh) -> bool:
    """Whether somebody out of the mesh wants to see callers' certificates."""
    external = (each.external for each in mesh.services.values())
    return any(each and each.tls and each.tls.mutual for each in external)


def names_at_ingress(mesh: Mesh) -> Mapping[str, tuple[str, ...]]:
    """By which names clients ask the ingress, where it speaks TLS with the mesh's certificates; by
    the key of its port.
    """
    found: dict[str, dict[str, None]] = {}
    for service in mesh.services.values():
        at = service.ingress
        if at and at.tls and at.tls.pair is None:
            names = found.setdefault(ingress(at), {})
            names.update(dict.fromkeys(name for name in at.hosts if name != "*"))
    return {key: tuple(names) for key, names in found.items()}


def has_tls_at_ingress(mesh: Mesh) -> bool:
    """Whether somebody at the keyboard needs to trust the mesh's authority, or to be trusted."""
    return bool(names_at_ingress(mesh)) or _asks_clients(mesh)


def _asks_clients(mesh: Mesh) -> bool:
    at = (service.ingress for service in mesh.services.values())
    return any(each and each.tls and each.tls.clients == MESH_CA for each in at)


def imagined(draft: Draft) -> Mapping[str, Identity]:
    """All that are wanted, for showing what would be."""
    return {name: Identity.imagined(uri) for name, uri in wanted(draft).items()}
