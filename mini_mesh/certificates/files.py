"""Certificates in files, for processes without an Envoy: gRPC reads them itself.

A door. Files are the owner's alone (0600, in folders of 0700), in the mesh's private folder, and go
with it. Those of one holder change all at once: readers look through a link to a folder, and the
link is turned to another folder; nobody ever sees a certificate with the key of another.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesh_patterns.identity import PROVIDER, Identity
from mini_mesh.private_files import write_private

CERTIFICATES = "certificates"  # the folder, in that of the mesh
CHAIN, KEY, BUNDLE = "certificate.pem", "key.pem", "bundle.pem"
REFRESH = "1s"  # how soon gRPC notices a change; by default it looks every ten minutes


def provider(folder: Path, name: str) -> Mapping[str, Any]:
    """The ``certificate_providers`` of the bootstrap of ``name``, whether its files are there or
    not: they are needed when the control plane asks for TLS.

    https://github.com/grpc/proposal/blob/master/A29-xds-tls-security.md#file_watcher-certificate-provider
    """
    files = {
        "certificate_file": str(folder / name / CHAIN),
        "private_key_file": str(folder / name / KEY),
        "ca_certificate_file": str(folder / name / BUNDLE),
        "refresh_interval": REFRESH,
    }
    return {PROVIDER: {"plugin_name": "file_watcher", "config": files}}


class CertificateFiles:
    """The files in ``folder``, which is made when the first are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, Identity] = {}
        self._numbers = itertools.count()

    def write(self, identities: Mapping[str, Identity]) -> None:
        """Write what has changed since, and take away what nobody holds any more."""
        for name, identity in identities.items():
            if self._written.get(name) != identity:
                self._replace(name, identity)
        for name in self._written.keys() - identities.keys():
            self._remove(name)
        self._written = dict(identities)

    def _replace(self, name: str, identity: Identity) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        fresh = self._folder / f".{name}.{next(self._numbers)}"
        fresh.mkdir(mode=0o700)
        parts = ((CHAIN, identity.chain), (KEY, identity.key), (BUNDLE, identity.bundle))
        for file, content in parts:
            write_private(fresh / file, content)
        self._turn(self._folder / name, fresh)

    def _turn(self, link: Path, to: Path) -> None:
        old = link.resolve() if link.is_symlink() else None
        made = to.with_name(f"{to.name}.link")
        made.symlink_to(to.name)
        made.replace(link)
        if old is not None:
            shutil.rmtree(old)

    def _remove(self, name: str) -> None:
        link = self._folder / name
        shutil.rmtree(link.resolve())
        link.unlink()
