from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_cluster

TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def tls(**context: Any) -> dict[str, Any]:
    return {"transport_socket": {"name": "tls", "typed_config": {"@type": TYPE, **context}}}


def trust(**validation: Any) -> dict[str, Any]:
    return {"common_tls_context": {"validation_context": validation}}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_authorities_nothing_is_verified_as_envoy_has_it() -> None:
    found = of_cluster("it", "api.example.com:443", **tls(sni="x.example.com"))
    assert found.services["it"]["external"]["tls"] == {"sni": "x.example.com", "verify": False}


def test_a_file_of_authorities_is_looked_for_beside_the_bootstrap(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("authorities")
    names = [{"san_type": "DNS", "matcher": {"exact": "api.example.com"}}]
    context = trust(trusted_ca={"filename": "ca.pem"}, match_typed_subject_alt_names=names)
    found = of_cluster("it", "api.example.com:443", **tls(**context))
    assert found.services["it"]["external"]["tls"] == {
        "sni": "api.example.com",
        "ca": str(tmp_path / "ca.pem"),
        "names": ["api.example.com"],
    }


def test_one_that_is_not_there_is_this_machines() -> None:
    found = of_cluster("it", "api.example.com:443", **tls(**trust(trusted_ca={"filename": "/no"})))
    assert found.services["it"]["external"]["tls"] == {"sni": "api.example.com"}
    assert "no file '/no': this machine's authorities are trusted (cluster 'it')" in found.notes


def test_to_the_echo_there_is_none() -> None:
    found = of_cluster("it", "backend:443", **tls(sni="x"))
    assert "TLS to where the echo stands in (cluster 'it')" in found.notes
