"""The mesh's certificate authority: it issues what instances prove themselves with.

The door to ``cryptography``, imported only by a mesh that asks for mutual TLS. The authority's key
is in this process's memory and nowhere else. Certificates are short-lived and, for SPIFFE, say in
one URI who their holder is.

https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh_patterns.identity import Identity

Clock = Callable[[], datetime]

ROOT_LIFE = timedelta(days=3650)  # it ends with its process; nobody should have to wait for it
BACKDATED = timedelta(minutes=1)  # clocks of others may be a little behind
_MAX_NAME = 64  # X.520, ub-common-name


@dataclass(frozen=True, slots=True)
class Issued:
    """An identity and the time of its certificate's end."""

    identity: Identity
    issued: datetime
    ends: datetime


class Authority:
    """Signs with one root, made when it is made: an ECDSA P-256 key. ``now`` gives the time."""

    def __init__(self, name: str, now: Clock) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(f"meshloom {name}")
        issued = now()
        root = _builder(self._subject, self._subject, self._key, issued, issued + ROOT_LIFE)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        root = root.add_extension(_usage(signs=True), critical=True)
        self._root = root.sign(self._key, hashes.SHA256())
        self.bundle = self._root.public_bytes(Encoding.PEM)
        self._signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def issue(self, uri: str, life: timedelta) -> Issued:
        """A new key and a certificate for the holder of a SPIFFE id, for both ends of TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._now()
        ends = issued + life
        holder = _named(uri.rpartition("/")[2])
        leaf = _builder(holder, self._subject, key, issued, ends)
        for extension, critical in (
            (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(signs=False), True),
            (x509.ExtendedKeyUsage(_BOTH_ENDS), False),
            (self._signer, False),
        ):
            leaf = leaf.add_extension(extension, critical=critical)
        chain = leaf.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(Identity(uri, chain, secret, self.bundle), issued, ends)


_BOTH_ENDS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_MAX_NAME])])


def _builder(
    holder: x509.Name,
    signer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issued: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(holder)
        .issuer_name(signer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(issued - BACKDATED)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """The root signs certificates, the others what they say in a handshake."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
