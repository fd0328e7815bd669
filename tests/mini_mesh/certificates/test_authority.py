"""What the mesh's authority issues, read by others: the openssl command and Python's own TLS."""

from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from mesh_yaml.place import DocumentError
from mini_mesh.certificates.authority import Authority, Issued

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URI = "spiffe://shop/reviews"


def issued(life: timedelta = timedelta(hours=24), uri: str = URI) -> Issued:
    return Authority.new("shop", lambda: NOON).issue(uri, life)


def parsed(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_a_certificate_says_who_its_holder_is_in_one_uri() -> None:
    names = parsed(issued().identity.chain).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert list(names.value) == [x509.UniformResourceIdentifier(URI)]


def test_a_certificate_lasts_as_long_as_asked_and_is_good_for_clocks_a_minute_behind() -> None:
    made = issued(timedelta(hours=1))
    assert (made.issued, made.ends) == (NOON, NOON + timedelta(hours=1))
    certificate = parsed(made.identity.chain)
    assert certificate.not_valid_before_utc == NOON - timedelta(minutes=1)
    assert certificate.not_valid_after_utc == NOON + timedelta(hours=1)


def test_each_certificate_has_a_key_of_its_own_on_p256() -> None:
    authority = Authority.new("shop", lambda: NOON)
    keys = [
        parsed(authority.issue(URI, timedelta(hours=1)).identity.chain).public_key()
        for _ in range(2)
    ]
    assert keys[0] != keys[1]
    assert all(isinstance(k, ec.EllipticCurvePublicKey) and k.key_size == 256 for k in keys)


def test_only_the_root_may_sign() -> None:
    identity = issued().identity
    for pem, is_root in ((identity.chain, False), (identity.bundle, True)):
        extensions = parsed(pem).extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is is_root
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.key_cert_sign, usage.digital_signature) == (is_root, not is_root)


def test_a_long_name_is_cut_in_the_subject_and_whole_in_the_uri() -> None:
    uri = f"spiffe://shop/{'x' * 100}"
    certificate = parsed(issued(uri=uri).identity.chain)
    assert certificate.subject.rfc4514_string() == f"CN={'x' * 64}"
    assert (
        x509.UniformResourceIdentifier(uri)
        in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    )


def test_an_identity_does_not_tell_its_key() -> None:
    assert repr(issued().identity) == "Identity(uri='spiffe://shop/reviews')"


def test_openssl_takes_it_for_both_ends_and_finds_nothing_to_say(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl command")
    identity = (
        Authority.new("shop", lambda: datetime.now(UTC)).issue(URI, timedelta(hours=1)).identity
    )
    (tmp_path / "ca.pem").write_bytes(identity.bundle)
    (tmp_path / "web.pem").write_bytes(identity.chain)
    for purpose in ("sslserver", "sslclient"):
        command = f"openssl verify -x509_strict -purpose {purpose} -CAfile ca.pem web.pem"
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("web.pem: OK\n", "")


def test_the_key_is_the_certificates(tmp_path: Path) -> None:
    identity = issued().identity
    pem = tmp_path / "both.pem"
    pem.write_bytes(identity.chain + identity.key)
    ssl.create_default_context().load_cert_chain(pem)


# An authority that is kept.


def kept(folder: Path) -> Authority:
    return Authority.kept(folder, "shop", lambda: NOON)


def test_an_authority_is_kept_for_the_next_start_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "authority"
    first, second = kept(folder), kept(folder)
    assert first.bundle == second.bundle
    leaf = parsed(second.issue(URI, timedelta(hours=1)).identity.chain)
    leaf.verify_directly_issued_by(parsed(first.bundle))
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "ca.key": 0o600,
        "ca.pem": 0o600,
    }


def test_a_start_that_was_cut_short_leaves_no_authority(tmp_path: Path) -> None:
    first = kept(tmp_path)
    (tmp_path / "ca.key").unlink()
    assert kept(tmp_path).bundle != first.bundle


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / "ca.key").chmod(0o640)
    with pytest.raises(DocumentError) as caught:
        kept(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/ca.key:1:1: others may read it (mode 640), wanted 600"
    )


def test_what_is_no_authority_is_refused(tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(DocumentError, match="no authority: "):
        kept(tmp_path)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(DocumentError, match="ca.pem:1:1: no such file or directory"):
        kept(tmp_path)
    (tmp_path / "ca.pem").write_bytes(Authority.new("other", lambda: NOON).bundle)
    with pytest.raises(DocumentError, match="ca.key:1:1: is not the key of "):
        kept(tmp_path)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DocumentError, match="file/authority:1:1: not a directory"):
        kept(tmp_path / "file" / "authority")
