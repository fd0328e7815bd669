from __future__ import annotations

import stat
from pathlib import Path

from mesh_patterns.identity import Identity
from mini_mesh.certificates.files import CertificateFiles, provider


def identity(name: str, serial: int = 1) -> Identity:
    return Identity(f"spiffe://shop/{name}", *(f"{p}{serial}".encode() for p in ("c", "k", "b")))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_certificates_lie_where_the_bootstrap_says(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path / "certificates")
    files.write({"web": identity("web")})
    (name, found), *rest = provider(tmp_path / "certificates", "web").items()
    config = found["config"]
    assert (name, found["plugin_name"], rest) == ("mesh", "file_watcher", [])
    assert Path(config["certificate_file"]).read_bytes() == b"c1"
    assert Path(config["private_key_file"]).read_bytes() == b"k1"
    assert Path(config["ca_certificate_file"]).read_bytes() == b"b1"
    assert config["refresh_interval"] == "1s"


def test_only_their_owner_may_read_them(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path / "certificates")
    files.write({"web": identity("web")})
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "certificates", *(tmp_path / "certificates" / "web").iterdir()]
    }
    assert modes == {
        "certificates": 0o700,
        "certificate.pem": 0o600,
        "key.pem": 0o600,
        "bundle.pem": 0o600,
    }


def test_a_holders_files_change_all_at_once_and_the_old_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    files = CertificateFiles(folder)
    files.write({"web": identity("web"), "api": identity("api")})
    web, api = (folder / "web").resolve(), (folder / "api").resolve()
    files.write({"web": identity("web", 2), "api": identity("api")})
    assert contents(folder / "web") == {
        "certificate.pem": b"c2",
        "key.pem": b"k2",
        "bundle.pem": b"b2",
    }
    assert not web.exists()
    assert (folder / "api").resolve() == api
    assert len(list(folder.iterdir())) == 4


def test_what_nobody_holds_any_more_is_gone(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path / "certificates")
    files.write({"web": identity("web")})
    files.write({})
    assert list((tmp_path / "certificates").iterdir()) == []


def test_a_mesh_that_needs_none_has_no_folder(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path / "certificates")
    files.write({})
    assert list(tmp_path.iterdir()) == []
