"""Certificates for tests: an authority, and what it signs."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BEGIN = datetime.datetime(2020, 1, 1)
_END = datetime.datetime(2099, 1, 1)


class Authority:
    """Signs certificates, and writes them with their keys into ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self._write("ca", self._signed(self._name, self._key, []), self._key)

    def issue(self, name: str, *sans: x509.GeneralName) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(name, self._signed(_name(name), key, list(sans)), key)

    def certificate(self, name: str) -> Path:
        return self._folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def client(self, name: str) -> ssl.SSLContext:
        """What a client needs to show ``name`` to a server of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate("ca"))
        context.load_cert_chain(self.certificate(name), self.key(name))
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, sans: list[x509.GeneralName]
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGIN)
            .not_valid_after(_END)
            .add_extension(x509.BasicConstraints(subject == self._name, None), critical=True)
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(
        self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        encoding = serialization.Encoding.PEM
        self.certificate(name).write_bytes(certificate.public_bytes(encoding))
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.key(name).write_bytes(key.private_bytes(encoding, form, plain))


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Meshloom")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])
