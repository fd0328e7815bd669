"""Certificates that never end while a mesh runs: new ones are served well before.

A door: it asks the event loop to be called in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity, has_tls_at_ingress
from mesh_patterns.model import CLIENT
from mesh_patterns.placement import proxyless
from mini_mesh.certificates.files import CertificateFiles
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.events import Event, Renewed

if TYPE_CHECKING:
    from mini_mesh.control.plane import ControlPlane


# Seconds: timers stand still while a machine sleeps, and certificates end all the same.
LOOK_AGAIN = 30.0


class Timer(Protocol):
    def cancel(self) -> None: ...


def _call_later(seconds: float, what: Callable[..., None], *given: Any) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, what, *given)


class Renewal:
    """The certificates of a mesh; ``report`` hears when they are new.

    Those of processes without an Envoy lie in ``folder``, if there is one. ``call_later`` is the
    event loop's, if not told otherwise.
    """

    def __init__(
        self,
        report: Callable[[Event], None],
        folder: Path | None,
        issuer: Issuer | None = None,
        call_later: Callable[..., Timer] = _call_later,
    ) -> None:
        self._report = report
        self._issuer = issuer or Issuer()
        self._files = CertificateFiles(folder) if folder else None
        self._call_later = call_later
        self._timer: Timer | None = None

    def identities(self, draft: Draft) -> Mapping[str, Identity]:
        """All that ``draft`` wants, to compile it with; also in files, for who reads those."""
        found = self._issuer.identities(draft)
        if self._files:
            readers = {each.node for each in proxyless(draft.mesh)}
            if has_tls_at_ingress(draft.mesh):
                readers.add(CLIENT)
            self._files.write({name: each for name, each in found.items() if name in readers})
        return found

    def keep(self, control: ControlPlane, draft: Draft) -> None:
        """Renew what ``control`` serves of ``draft`` in time, until told of another or to stop."""
        self.stop()
        due = self._issuer.due_in()
        if due is not None:
            self._timer = self._call_later(min(due, LOOK_AGAIN), self._look, control, draft)

    def renew(self, control: ControlPlane, draft: Draft) -> None:
        """Serve new ones for all at once; nothing else changes, and no connection ends."""
        self._issuer.forget()
        self._renew(control, draft)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, control: ControlPlane, draft: Draft) -> None:
        if self._issuer.due_in() == 0:
            self._renew(control, draft)
        else:
            self.keep(control, draft)

    def _renew(self, control: ControlPlane, draft: Draft) -> None:
        from mesh_patterns.compile.tls import renewed

        identities = self.identities(draft)
        control.revise(lambda snapshot: renewed(snapshot, identities))
        self._report(Renewed(len(identities)))
        self.keep(control, draft)
