"""Certificates for tests, made by the ``openssl`` command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A certificate authority in ``folder``: ``ca.pem``, and what it signed for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            pytest.skip("no openssl command to make certificates with")
        self._folder = folder
        self.ca, self._key = folder / "ca.pem", folder / "ca.key"
        self._run(*_NEW_KEY, "-x509", "-subj", "/CN=ca", "-keyout", self._key, "-out", self.ca)

    def sign(self, name: str) -> tuple[Path, Path]:
        """A new certificate and its key."""
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        self._run(
            *(*_NEW_KEY, "-x509", "-CA", self.ca, "-CAkey", self._key, "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
        return cert, key

    def _run(self, *arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
