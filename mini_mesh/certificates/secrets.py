"""Certificates for Envoys that somebody else runs: what each node may have, as secrets for SDS.

No I/O but the authority's random numbers. Each node finds its certificate as ``default`` and under
its SPIFFE id, and whom to trust as ``ROOTCA`` and under the trust domain's id: the names that SPIRE
gives them. What a node may not have is not among its secrets.

https://github.com/spiffe/spire/blob/main/doc/spire_agent.md#sds-configuration
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mesh_patterns.identity import Identity
from mini_mesh.certificates.issuer import due
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot

if TYPE_CHECKING:
    from mini_mesh.certificates.authority import Authority, Issued

OWN, TRUSTED = "default", "ROOTCA"
MAX_ID = 2048  # bytes (SPIFFE-ID, section 2.3)
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


def spiffe_id(domain: str, path: str) -> str:
    """Raises ValueError: that is none (SPIFFE-ID, section 2)."""
    found = f"spiffe://{domain}/{path}"
    parts = path.split("/")
    if len(found) > MAX_ID or not all(map(_SEGMENT.fullmatch, parts)) or {".", ".."} & {*parts}:
        raise ValueError(f"expected a path such as ns/shop/web, got {path!r}")
    return found


class Secrets:
    """``holders`` are SPIFFE ids by node. A certificate lasts ``life``."""

    def __init__(
        self,
        authority: Authority,
        domain: str,
        holders: Mapping[str, str],
        life: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._authority, self._domain = authority, domain
        self._holders, self._life, self._now = dict(holders), life, now
        self._issued: dict[str, Issued] = {}

    def issue(self) -> dict[str, Snapshot]:
        """A new certificate for everybody: what each node is to be served from now on."""
        self._issued = {
            node: self._authority.issue(uri, self._life) for node, uri in self._holders.items()
        }
        return {node: self._snapshot(each.identity) for node, each in self._issued.items()}

    def due_in(self) -> float:
        """Seconds until new ones should be issued."""
        first = min(map(due, self._issued.values()), default=self._now())
        return max(0.0, (first - self._now()).total_seconds())

    def _snapshot(self, identity: Identity) -> Snapshot:
        from mesh_patterns.compile.tls import pair, trust

        messages = [pair(name, identity) for name in (OWN, identity.uri)]
        messages += [trust(name, identity) for name in (TRUSTED, f"spiffe://{self._domain}")]
        return Snapshot.of([Resource.of(message) for message in messages])
