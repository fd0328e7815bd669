"""The oracle for foreign functions: each call here, and in a real Envoy.

Expressions and the filter state have modules of their own. Two things can not be equal: the bytes
of a zlib stream, since Envoy's zlib is another build, so they are uncompressed; and the signatures
of elliptic curves, which are random, so they are verified by the other side.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519

from tests.wasm_filters.engines import Answered, Results, Scenario, both, foreign
from tests.wasm_filters.probe import Call, Probe
from tests.wasm_filters.wire import field
from wasm_filters.foreign.signatures import HASHES
from wasm_filters.messages import WASM, parse

_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM
_PKCS8 = serialization.PrivateFormat.PKCS8
_TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_PKCS1 = serialization.PublicFormat.PKCS1
_PLAIN = serialization.NoEncryption()
TEXT = b"text"


@dataclass(frozen=True)
class Key:
    """A private key in the forms that a filter may have it in, and its signature of TEXT."""

    key: Any

    def private(self, encoding: Any = _DER, form: Any = _PKCS8, how: Any = _PLAIN) -> bytes:
        return bytes(self.key.private_bytes(encoding, form, how))

    def public(self, encoding: Any = _DER, form: Any = _SPKI) -> bytes:
        return bytes(self.key.public_key().public_bytes(encoding, form))

    def sign(self, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
        algorithm = algorithm or hashes.SHA256()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(TEXT, padding.PKCS1v15(), algorithm)
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(TEXT, ec.ECDSA(algorithm))
        if isinstance(self.key, dsa.DSAPrivateKey):
            return self.key.sign(TEXT, algorithm)
        return b"" if isinstance(self.key, x25519.X25519PrivateKey) else bytes(self.key.sign(TEXT))


def _keys() -> dict[str, Key]:
    curves = (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1())
    return {
        "rsa": Key(rsa.generate_private_key(65537, 2048)),
        "rsa1024": Key(rsa.generate_private_key(65537, 1024)),
        **{curve.name: Key(ec.generate_private_key(curve)) for curve in curves},
        "ed25519": Key(ed25519.Ed25519PrivateKey.generate()),
        "ed448": Key(ed448.Ed448PrivateKey.generate()),
        "x25519": Key(x25519.X25519PrivateKey.generate()),
        "dsa": Key(dsa.generate_private_key(1024)),
    }


KEYS = _keys()
RSA, EC = KEYS["rsa"], KEYS["secp256r1"]
EXACT = ("compression", "hashes", "forms", "other")  # scenarios whose results are all the same


def verify(
    label: str,
    key: bytes = b"",
    signature: bytes = b"",
    pem: bytes = b"",
    hashed: str | bytes = "sha256",
    text: bytes = TEXT,
) -> Call:
    fields = [(1, hashed), (2, key), (3, signature), (4, text), (5, pem)]
    arguments = b"".join(field(number, value) for number, value in fields if value)
    return foreign("verify_signature", arguments, f"verify {label}")


def sign(
    label: str,
    key: bytes = b"",
    pem: bytes = b"",
    hashed: str | bytes = "sha256",
    text: bytes = TEXT,
) -> Call:
    fields = [(1, hashed), (2, key), (3, text), (4, pem)]
    arguments = b"".join(field(number, value) for number, value in fields if value)
    return foreign("sign", arguments, f"sign {label}")


def _uncompress(label: str, data: bytes) -> Call:
    return foreign("uncompress", data, f"uncompress {label}")


_STREAM = zlib.compress(b"hello world")
_GZIP = zlib.compressobj(9, zlib.DEFLATED, 31)
COMPRESSION = [
    *(foreign("compress", data, "compress") for data in (b"", b"a", b"ab" * 99, bytes(range(256)))),
    _uncompress("all", _STREAM),
    _uncompress("more", _STREAM + b"x"),
    *(_uncompress(f"first {size}", _STREAM[:size]) for size in range(len(_STREAM))),
    _uncompress("a wrong sum", _STREAM[:-1] + b"x"),
    _uncompress("garbage", b"garbage"),
    _uncompress("gzip", _GZIP.compress(b"a") + _GZIP.flush()),
    _uncompress("nothing", zlib.compress(b"")),
    _uncompress("much", zlib.compress(b"a" * 16_000)),
    _uncompress("some of much", zlib.compress(bytes(range(256)) * 999)[:300]),
]
_HASHES = [*HASHES, "SHA256", "Sha256", "sha-256", "md5", "", "sha512-256", "sha3-256", " sha256"]


def _hash_calls() -> list[Call]:
    calls = []
    for name in _HASHES:
        known = HASHES.get(name.lower(), "SHA256")
        signature = RSA.sign(getattr(hashes, known)())
        calls += [
            verify(f"by {name!r}", RSA.public(), signature, hashed=name),
            sign(f"by {name!r}", RSA.private(), hashed=name),
        ]
    return calls


def _form_calls() -> list[Call]:
    """RSA keys and wrong keys: what a signature is, does not depend on chance."""
    signature, other = RSA.sign(), KEYS["rsa1024"]
    private, public = RSA.private(_PEM), RSA.public(_PEM)
    encrypted = RSA.private(_PEM, how=serialization.BestAvailableEncryption(b"secret"))
    return [
        verify("another signature", RSA.public(), other.sign()),
        verify("a signature of garbage", RSA.public(), b"x" * 256),
        verify("a short signature", RSA.public(), b"x"),
        verify("no signature", RSA.public()),
        verify("a curve's signature of garbage", EC.public(), b"garbage"),
        verify("another text", RSA.public(), signature, text=b"other"),
        verify("no text", RSA.public(), signature, text=b""),
        verify("a key and more", RSA.public() + b"x", signature),
        verify("not all of a key", RSA.public()[:-1], signature),
        verify("PKCS 1", RSA.public(_DER, _PKCS1), signature),
        verify("PEM", pem=public, signature=signature),
        verify("PEM of PKCS 1", pem=RSA.public(_PEM, _PKCS1), signature=signature),
        verify("PEM amid text", pem=b"hello\n" + public + b"bye", signature=signature),
        verify("PEM with CRLF", pem=public.replace(b"\n", b"\r\n"), signature=signature),
        verify("PEM without an end of line", pem=public.strip(), signature=signature),
        verify("PEM behind another", pem=private + public, signature=signature),
        verify("both forms", RSA.public(), signature, public),
        verify("no key", signature=signature),
        verify("no key, by no such hash", signature=signature, hashed="none"),
        verify("garbage", b"garbage", signature),
        verify("PEM of garbage", pem=b"garbage", signature=signature),
        verify("garbage by no such hash", b"garbage", signature, hashed="none"),
        verify("a private key", RSA.private(), signature),
        verify("PEM of a private key", pem=private, signature=signature),
        verify("a hash that is not UTF-8", RSA.public(), signature, hashed=b"\xff"),
        sign("a key and more", RSA.private() + b"x"),
        sign("not all of a key", RSA.private()[:-1]),
        sign("the traditional form", RSA.private(_DER, _TRADITIONAL)),
        sign("a curve in the traditional form", EC.private(_DER, _TRADITIONAL)),
        sign("PEM", pem=private),
        sign("PEM of the traditional form", pem=RSA.private(_PEM, _TRADITIONAL)),
        sign("PEM of another name", pem=private.replace(b"PRIVATE", b"RSA PRIVATE")),
        sign("PEM of a name that is none", pem=private.replace(b"PRIVATE", b"SECRET")),
        sign("PEM with CRLF", pem=private.replace(b"\n", b"\r\n")),
        sign("PEM behind another", pem=public + private),
        sign("PEM, encrypted", pem=encrypted),
        sign("both forms", RSA.private(), private),
        sign("no key"),
        sign("no key, by no such hash", hashed="none"),
        sign("garbage", b"garbage"),
        sign("garbage by no such hash", b"garbage", hashed="none"),
        sign("a public key", RSA.public()),
        sign("PEM of a public key", pem=public),
        sign("no text", RSA.private(), text=b""),
        *(foreign(name, data) for name in ("sign", "verify_signature") for data in (b"", b"\xff")),
    ]


def _kind_calls() -> list[Call]:
    calls = []
    for name, key in KEYS.items():
        if name != "x25519":
            calls.append(verify(name, key.public(), key.sign()))
        calls += [
            sign(name, key.private()),
            sign(f"{name} PEM", pem=key.private(_PEM)),
        ]
    calls.append(sign("secp256r1 PEM of the traditional form", pem=EC.private(_PEM, _TRADITIONAL)))
    return calls


OTHER = [
    foreign("clear_route_cache"),
    foreign("clear_route_cache", b"anything"),
    foreign("nope"),
    foreign(""),
    Call("proxy_call_foreign_function", [b"uncompress", _STREAM, 0, 0], "wanted by nobody"),
    Call("proxy_call_foreign_function", [b"uncompress", _STREAM, 0, 0x7FFFFFFF], "size nowhere"),
    Call("proxy_call_foreign_function", [b"uncompress", b"bad", 0x7FFFFFFF, 0], "result nowhere"),
    Call("proxy_call_foreign_function", [b"nope", b"", 0x7FFFFFFF, 0], "none, result nowhere"),
    Call("proxy_call_foreign_function", [0x7FFFFFFF, 1, b"", 32, 36], "name nowhere"),
    Call("proxy_call_foreign_function", [b"nope", 0x7FFFFFFF, 1, 32, 36], "arguments nowhere"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    calls = {
        "compression": COMPRESSION,
        "hashes": _hash_calls(),
        "forms": _form_calls(),
        "kinds": _kind_calls(),
        "other": OTHER,
    }
    scenarios = {
        name: Scenario(Probe({"proxy_on_request_headers": each})) for name, each in calls.items()
    }
    return both(tmp_path_factory.mktemp("foreign"), scenarios)


def comparable(answered: Sequence[Answered]) -> list[str]:
    return [str(replace(each, value=_comparable(each))) for each in answered]


def _comparable(answered: Answered) -> bytes | None:
    is_stream = answered.label == "compress" and answered.value is not None
    return zlib.decompress(answered.value) if is_stream else answered.value  # type: ignore[arg-type] # is_stream says that it is there


@pytest.mark.parametrize("name", EXACT)
def test_foreign_functions_answer_alike(results: Results, name: str) -> None:
    here, envoy = results[name]
    assert comparable(here) == comparable(envoy)


def test_keys_of_every_kind_sign_and_verify_alike(results: Results) -> None:
    here, envoy = results["kinds"]
    assert [_outcome(each) for each in here] == [_outcome(each) for each in envoy]
    assert {_outcome(each) for each in here} >= {
        ("sign rsa", 0, True, ""),
        ("verify secp521r1", 0, True, ""),
    }


def _outcome(answered: Answered) -> tuple[str, int, bool, str]:
    name = "SignResult" if answered.label.startswith("sign") else "VerifySignatureResult"
    result = parse(f"{WASM}.{name}", answered.value or b"")
    return answered.label, answered.status, bool(result.result), str(result.error)


def test_each_side_verifies_what_the_other_signed(results: Results) -> None:
    """Envoy's signatures here; what is signed here was verified by Envoy as ``verify``."""
    signed = 0
    for each in results["kinds"][1]:
        result = parse(f"{WASM}.SignResult", each.value or b"") if "sign" in each.label else None
        if result is None or not result.result:
            continue
        name = each.label.split()[1]
        public = KEYS[name].key.public_key()
        how = ec.ECDSA(hashes.SHA256()) if name.startswith("secp") else None
        if how is not None:
            public.verify(result.signature, TEXT, how)
        else:
            public.verify(result.signature, TEXT, padding.PKCS1v15(), hashes.SHA256())
        signed += 1
    assert signed == 13
