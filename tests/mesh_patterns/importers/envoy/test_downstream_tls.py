from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    Imported,
    bootstrap,
    host,
    imported,
    listener,
    manager,
)  # fmt: skip

TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
HTTP = manager([host({"match": {"prefix": "/"}, "route": {"cluster": "backend"}})])
PAIR = [{"certificate_chain": {"filename": "a.pem"}, "private_key": {"filename": "a.key"}}]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def of(common: dict[str, Any], **more: Any) -> Imported:
    context = {"@type": TYPE, "common_tls_context": common, **more}
    socket = {"name": "tls", "typed_config": context}
    entrance = listener(8443, HTTP, transport_socket=socket)
    return imported(bootstrap([entrance], [BACKEND]))


def test_a_pair_of_files_is_shown(tmp_path: Path) -> None:
    for name in ("a.pem", "a.key"):
        (tmp_path / name).write_text("x")
    found = of(
        {"tls_certificates": PAIR, "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"}}
    )
    assert found.services["backend"]["ingress"]["tls"] == {
        "plaintext": "refuse",
        "cert": str(tmp_path / "a.pem"),
        "key": str(tmp_path / "a.key"),
        "min_version": "1.3",
    }


@pytest.mark.parametrize(
    "common",
    [
        {"tls_certificates": PAIR},
        {"tls_certificates": [{"certificate_chain": {"inline_string": "x"}}]},
        {"tls_certificate_sds_secret_configs": [{"name": "a"}]},
    ],
)
def test_without_files_the_mesh_shows_its_own(common: dict[str, Any]) -> None:
    found = of(common)
    assert found.services["backend"]["ingress"]["tls"] == {"plaintext": "refuse"}
    assert [each for each in found.notes if "the mesh's own authority is shown" in each]


def test_clients_that_have_to_show_one_do(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    known = {"validation_context": {"trusted_ca": {"filename": "ca.pem"}}}
    found = of(known, require_client_certificate=True)
    tls = found.services["backend"]["ingress"]["tls"]
    assert (tls["mutual"], tls["client_ca"]) == (True, str(tmp_path / "ca.pem"))
    unknown = of({}, require_client_certificate=True).services["backend"]["ingress"]["tls"]
    assert (unknown["mutual"], "client_ca" in unknown) == (True, False)
