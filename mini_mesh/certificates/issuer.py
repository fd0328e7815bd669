"""What a running mesh's parts prove themselves with: issued when it is wanted, renewed in time.

Without I/O but for the authority's random numbers; the clock is an argument. A mesh without mutual
TLS never imports the authority.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_patterns.draft import Draft
from mesh_patterns.identity import LIFE, Identity, wanted

if TYPE_CHECKING:
    from mini_mesh.certificates.authority import Authority, Issued

RENEWED_AFTER = 2 / 3  # of a certificate's life: there is time to notice that it did not work


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


_Key = tuple[str, str, timedelta]  # the holder, its SPIFFE id, how long a certificate lasts


class Issuer:
    """One authority's certificates, by who holds them: see ``mesh_patterns.identity.wanted``.

    The authority is a new one, or what is kept in the folder ``authority``.
    """

    def __init__(
        self, now: Callable[[], datetime] = utc_now, authority: Path | None = None
    ) -> None:
        self._now = now
        self._folder = authority
        self._authority: Authority | None = None
        self._issued: dict[_Key, Issued] = {}  # to those whom the last two drafts name
        self._held: dict[_Key, Issued] = {}  # by those whom the last one names

    def identities(self, draft: Draft) -> Mapping[str, Identity]:
        """All that ``draft`` wants: those that were issued before and are good, others anew.

        The draft before finds what it had when it comes back: what is served of it is as old.
        Raises ``DocumentError`` where no authority can be kept in the folder.
        """
        life = draft.certificate_life.value if draft.certificate_life else LIFE
        keys = {name: (name, uri, life) for name, uri in wanted(draft).items()}
        held = {key: self._good(key, draft.mesh.name) for key in keys.values()}
        self._issued, self._held = {**self._held, **held}, held
        return {name: held[key].identity for name, key in keys.items()}

    def _good(self, key: _Key, mesh: str) -> Issued:
        found = self._issued.get(key)
        if found and self._now() < due(found):
            return found
        _, uri, life = key
        return self._signer(mesh).issue(uri, life)

    def _signer(self, name: str) -> Authority:
        if self._authority is None:
            from mini_mesh.certificates.authority import Authority

            kept = self._folder
            self._authority = (
                Authority.kept(kept, name, self._now) if kept else Authority.new(name, self._now)
            )
        return self._authority

    def due_in(self) -> float | None:
        """Seconds until the first certificate is to be renewed; ``None``: there is none."""
        if not self._held:
            return None
        first = min(map(due, self._held.values()))
        return max(0.0, (first - self._now()).total_seconds())

    def forget(self) -> None:
        """Have all certificates issued anew when they are asked for next; the authority stays."""
        self._issued, self._held = {}, {}


def due(held: Issued) -> datetime:
    """When a new one should take its place."""
    return held.issued + RENEWED_AFTER * (held.ends - held.issued)
