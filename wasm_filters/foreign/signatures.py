"""``sign`` and ``verify_signature``: RSA (PKCS #1 v1.5) and ECDSA over a text.

Keys are what Envoy takes: a public one as SubjectPublicKeyInfo, a private one as PKCS #8, each as
DER (bytes behind it count for nothing) or PEM; PEM may also hold the traditional private forms.
Only a wrong argument has a status; all else is told in the result's ``error``, in Envoy's words.
Source: envoy, source/common/crypto/utility_impl.cc.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wasm_filters.abi import Status
from wasm_filters.state.host import Host

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

HASHES: Mapping[str, str] = {
    name.lower(): name for name in ("SHA1", "SHA224", "SHA256", "SHA384", "SHA512")
}
CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})  # those of BoringSSL
NO_VERIFY = "Failed to initialize digest verify."
NOT_VERIFIED = "Failed to verify digest. Error code: 0"
NO_PRIVATE_KEY = "Invalid key type: private key required for signing operation."
BAD_PRIVATE_KEY = "Invalid private key: key data is corrupted or malformed."
_PUBLIC = re.compile(rb"-----BEGIN (PUBLIC KEY)-----.*?-----END \1-----", re.DOTALL)
_PRIVATE = re.compile(
    rb"-----BEGIN ((?:RSA |EC |DSA )?PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL
)
_SEQUENCE, _INTEGER = 0x30, 0x02


def verify_signature(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """Whether a signature is that of a text by a key: a VerifySignatureResult.

    BAD_ARGUMENT: no VerifySignatureArguments, no key, or one in both forms.
    """
    from wasm_filters.messages import WASM, make

    given = _given("VerifySignatureArguments", arguments, "public_key")
    if given is None:
        return Status.BAD_ARGUMENT, b""
    error = _verify(given)
    return Status.OK, make(f"{WASM}.VerifySignatureResult", result=not error, error=error)


def sign(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """A text's signature by a key: a SignResult.

    BAD_ARGUMENT: no SignArguments, no key, or one in both forms.
    """
    from wasm_filters.messages import WASM, make

    given = _given("SignArguments", arguments, "private_key")
    if given is None:
        return Status.BAD_ARGUMENT, b""
    name = f"{WASM}.SignResult"
    algorithm = _hash(given.hash_function)
    if algorithm is None:
        return Status.OK, make(name, error=_unsupported(given.hash_function))
    key = _private_key(given.private_key, given.private_key_pem.encode())
    if key is None:
        return Status.OK, make(name, error=NO_PRIVATE_KEY)
    if not _is_used(key):
        return Status.OK, make(name, error=BAD_PRIVATE_KEY)
    return Status.OK, make(name, result=True, signature=key.sign(given.text, *_how(key, algorithm)))


def _given(message: str, arguments: bytes, key: str) -> Any | None:
    """The arguments; None if they are no such ``message``, or its ``key`` is not in one form, DER
    or PEM."""
    from wasm_filters.messages import WASM, MessageError, parse

    try:
        given = parse(f"{WASM}.{message}", arguments)
    except MessageError:
        return None
    return given if bool(getattr(given, key)) is not bool(getattr(given, f"{key}_pem")) else None


def _unsupported(hash_function: str) -> str:
    return f"{hash_function} is not supported."


def _verify(given: Any) -> str:
    """Envoy's error, "" if the signature is right."""
    from cryptography.exceptions import InvalidSignature

    algorithm = _hash(given.hash_function)
    if algorithm is None:
        return _unsupported(given.hash_function)
    key = _public_key(given.public_key, given.public_key_pem.encode())
    if key is None or not _is_used(key):
        return NO_VERIFY
    try:
        key.verify(given.signature, given.text, *_how(key, algorithm))
    except InvalidSignature:
        return NOT_VERIFIED
    return ""


def _hash(name: str) -> HashAlgorithm | None:
    from cryptography.hazmat.primitives import hashes

    known = HASHES.get(name.lower())
    return getattr(hashes, known)() if known is not None else None


def _how(key: Any, algorithm: HashAlgorithm) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    curve = getattr(key, "curve", None)
    return (padding.PKCS1v15(), algorithm) if curve is None else (ec.ECDSA(algorithm),)


def _is_used(key: Any) -> bool:
    """Whether it signs a digest: RSA and elliptic curves do."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    used = (rsa.RSAPublicKey, rsa.RSAPrivateKey)
    return isinstance(key, (*used, ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey))


def _public_key(der: bytes, pem: bytes) -> Any | None:
    from cryptography.hazmat.primitives import serialization

    if der:
        return _loaded(serialization.load_der_public_key, _first(der, _SEQUENCE))
    found = _PUBLIC.search(pem)
    return _loaded(serialization.load_pem_public_key, found.group() if found else None)


def _private_key(der: bytes, pem: bytes) -> Any | None:
    from cryptography.hazmat.primitives import serialization

    def load(data: bytes) -> Any:
        return serialization.load_der_private_key(data, password=None)

    if der:
        return _loaded(load, _first(der, _INTEGER, _SEQUENCE))
    found = _PRIVATE.search(pem)
    if found is None:
        return None
    inside = _decoded(found.group(2))
    if found.group(1) == b"PRIVATE KEY":  # PKCS #8; the other names may hold it, too
        inside = _first(inside, _INTEGER, _SEQUENCE) or b""
    return _loaded(load, inside)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        return b""


def _loaded(load: Any, data: bytes | None) -> Any | None:
    """The key, None if BoringSSL would not read it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = load(data) if data is not None else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    curve = getattr(key, "curve", None)
    if type(key).__name__.startswith("Ed448") or (curve is not None and curve.name not in CURVES):
        return None
    return key


def _first(data: bytes, *tags: int) -> bytes | None:
    """The first DER value, a sequence that begins with values of these ``tags``; else None."""
    header = _header(data, 0)
    if header is None or data[0] != _SEQUENCE:
        return None
    at, size = header
    end = at + size
    for tag in tags:
        inner = _header(data, at)
        if inner is None or data[at] != tag:
            return None
        at = inner[0] + inner[1]
    return data[:end] if at <= end <= len(data) else None


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the content of the DER value at ``at`` begins, and its size."""
    if at + 2 > len(data):
        return None
    size = data[at + 1]
    if size < 0x80:
        return at + 2, size
    more = size & 0x7F
    return at + 2 + more, int.from_bytes(data[at + 2 : at + 2 + more], "big")
