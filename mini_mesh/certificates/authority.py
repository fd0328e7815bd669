"""The mesh's certificate authority: it issues what instances prove themselves with.

The door to ``cryptography``, imported only by a mesh that asks for mutual TLS. The authority's key
is in this process's memory and, only where it was asked to be kept, in a file. Certificates are
short-lived and, for SPIFFE, say in one URI who their holder is.

https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh_patterns.identity import NAMES, Identity
from mesh_yaml.place import DocumentError, Place
from mini_mesh.private_files import write_private

Clock = Callable[[], datetime]

ROOT_LIFE = timedelta(days=3650)  # most end with their process, and none should end before
KEY_FILE, ROOT_FILE = "ca.key", "ca.pem"
BACKDATED = timedelta(minutes=1)  # clocks of others may be a little behind
_MAX_NAME = 64  # X.520, ub-common-name


@dataclass(frozen=True, slots=True)
class Issued:
    """An identity and the time of its certificate's end."""

    identity: Identity
    issued: datetime
    ends: datetime


class Authority:
    """Signs with one root and its key, ECDSA P-256. ``now`` gives the time."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, root: x509.Certificate, now: Clock) -> None:
        self.bundle = root.public_bytes(Encoding.PEM)
        self._key, self._root, self._now = key, root, now
        self._signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())

    @classmethod
    def new(cls, name: str, now: Clock) -> Authority:
        """One that nobody else has; it is gone when its process is."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject, issued = _named(f"meshloom {name}"), now()
        root = _builder(subject, subject, key, issued, issued + ROOT_LIFE)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        root = root.add_extension(_usage(signs=True), critical=True)
        return cls(key, root.sign(key, hashes.SHA256()), now)

    @classmethod
    def kept(cls, folder: Path, name: str, now: Clock) -> Authority:
        """The one in ``folder``; a new one is put there where there is none.

        For a control plane that may start anew while its Envoys go on: all trust the same root.

        Raises:
            DocumentError: what lies there is no authority, or others may read its key.
        """
        key_file, root_file = folder / KEY_FILE, folder / ROOT_FILE
        if key_file.exists():
            return cls(*_read(key_file, root_file), now)
        made = cls.new(name, now)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(root_file, made.bundle)
            write_private(key_file, _pem(made._key))  # last: with it the authority is complete
        except OSError as error:
            raise _wrong(folder, (error.strerror or str(error)).lower()) from error
        return made

    def issue(self, uri: str, life: timedelta) -> Issued:
        """A new key and a certificate for the holder of a SPIFFE id, for both ends of TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._now()
        ends = issued + life
        holder = _named(uri.rpartition("/")[2].removeprefix(NAMES) or "localhost")
        leaf = _builder(holder, self._root.subject, key, issued, ends)
        for extension, critical in (
            (x509.SubjectAlternativeName(_alternatives(uri)), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(signs=False), True),
            (x509.ExtendedKeyUsage(_BOTH_ENDS), False),
            (self._signer, False),
        ):
            leaf = leaf.add_extension(extension, critical=critical)
        chain = leaf.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        return Issued(Identity(uri, chain, _pem(key), self.bundle), issued, ends)


def _alternatives(uri: str) -> list[x509.GeneralName]:
    """Who somebody is: his SPIFFE id, or the names of an ingress, which is on this machine, too."""
    if not uri.startswith(NAMES):
        return [x509.UniformResourceIdentifier(uri)]
    names = [*filter(None, uri.removeprefix(NAMES).split(",")), "localhost"]
    local = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
    return [*(x509.DNSName(_ascii(name)) for name in dict.fromkeys(names)), *local]


def _ascii(name: str) -> str:
    """As certificates have it (RFC 5280, section 7.2)."""
    return name if name.isascii() else name.encode("idna").decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(key_file: Path, root_file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        mode = stat.S_IMODE(key_file.stat().st_mode)
        key = load_pem_private_key(key_file.read_bytes(), None)
        root = x509.load_pem_x509_certificate(root_file.read_bytes())
    except OSError as error:
        name = Path(error.filename or key_file)
        raise _wrong(name, (error.strerror or str(error)).lower()) from error
    except (ValueError, TypeError) as error:  # TypeError: the key has a password
        raise _wrong(key_file.parent, f"no authority: {error}".lower()) from error
    if mode & 0o077:
        raise _wrong(key_file, f"others may read it (mode {mode:o}), wanted 600")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
        raise _wrong(key_file, f"is not the key of {root_file}, or not of an elliptic curve")
    return key, root


def _wrong(path: Path, what: str) -> DocumentError:
    return DocumentError.at(Place(str(path)), what)


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
