"""Certificates, private keys and whom to trust: in files beside the bootstraps, or inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Tree = dict[str, Any]

FOLDER = "certificates"
# What a secret holds, and in which file of its holder's folder.
_PARTS: Mapping[str, Mapping[str, str]] = {
    "tls_certificate": {"certificate_chain": "certificate.pem", "private_key": "key.pem"},
    "validation_context": {"trusted_ca": "bundle.pem"},
}


@dataclass(slots=True)
class Inline:
    """In the bootstraps themselves; there are no files."""

    files: dict[str, bytes] = field(default_factory=dict, init=False)

    def shown(self, secret: Tree) -> Tree:
        return secret


@dataclass(slots=True)
class InFiles:
    """In files of ``folder``, which is absolute: an Envoy may be started from anywhere. ``files``
    are those that were named so far, by their paths in there.
    """

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict, init=False)

    def shown(self, secret: Tree) -> Tree:
        return {**secret, **{name: self._part(secret, name) for name in _PARTS if name in secret}}

    def _part(self, secret: Tree, name: str) -> Tree:
        """The same with the names of files in place of what is in them."""
        # "certificate:reviews-v1", "bundle:mesh"
        holder = secret["name"].partition(":")[2].replace(":", "@")
        made = dict(secret[name])
        for part, file in _PARTS[name].items():
            path = f"{FOLDER}/{holder}/{file}"
            self.files[path] = made[part]["inline_string"].encode()
            made[part] = {"filename": str(self.folder / path)}
        return made
