from __future__ import annotations

from pathlib import Path

from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.exporters.envoy_static.exported import ISSUER, bootstrap, export, named

MESH = """
mesh: {services: {web: {calls: [api]}, api: }}
patterns: [{pattern: mtls, on: api}]
"""


def test_in_a_folder_each_holder_has_files_of_its_own(read: Read, tmp_path: Path) -> None:
    draft = read(MESH)
    static = export(draft, tmp_path)
    assert sorted(static.secrets) == [
        "certificates/api/certificate.pem",
        "certificates/api/key.pem",
        "certificates/client/certificate.pem",
        "certificates/client/key.pem",
        "certificates/mesh/bundle.pem",
        "certificates/web/certificate.pem",
        "certificates/web/key.pem",
    ]
    assert static.secrets["certificates/api/key.pem"] == ISSUER.identities(draft)["api"].key
    (pair,) = named(bootstrap(static, "api"), "tls_certificates")
    assert pair == [
        {
            "certificate_chain": {"filename": str(tmp_path / "certificates/api/certificate.pem")},
            "private_key": {"filename": str(tmp_path / "certificates/api/key.pem")},
        }
    ]


def test_without_a_folder_they_stand_in_the_bootstraps(read: Read) -> None:
    draft = read(MESH)
    static = export(draft)
    assert static.secrets == {}
    (pair,) = named(bootstrap(static, "api"), "tls_certificates")
    key = ISSUER.identities(draft)["api"].key.decode()
    assert pair[0]["private_key"] == {"inline_string": key}
