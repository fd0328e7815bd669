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
from mesh_patterns.model import CLIENT, INGRESS

STRICT, PERMISSIVE, OFF = "strict", "permissive", "off"
PROVIDER = "mesh"  # what gRPC processes call where their certificates come from (A29)
LIFE = timedelta(hours=24)  # of a certificate, unless a pattern gives it another

_IMAGINED = b"(issued when the mesh runs)\n"
_DOMAIN = re.compile(r"[^a-z0-9._-]")  # what a trust domain may not hold
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
    """The SPIFFE id of everybody who needs a certificate, by instance, the client and the ingress.

    Where a service wants one of its callers, everybody has one: routes lead further than calls.
    """
    if not any(secured(draft, service) for service in draft.mtls):
        return {}
    found = {each.id: spiffe_id(draft, each.service) for each in draft.mesh.instances()}
    return found | {name: spiffe_id(draft, name) for name in (CLIENT, INGRESS)}


def imagined(draft: Draft) -> Mapping[str, Identity]:
    """All that are wanted, for showing what would be."""
    return {name: Identity.imagined(uri) for name, uri in wanted(draft).items()}
