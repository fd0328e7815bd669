"""A shop as somebody would write it for App Mesh, on a real Envoy."""

from __future__ import annotations

from tests.mesh_patterns.importers.conftest import ROOT
from tests.proofs import prove

DATA = ROOT / "tests" / "mesh_patterns" / "importers" / "data"


def test_the_claims_of_a_shop_in_app_meshs_words_hold() -> None:
    done = prove((DATA / "app_mesh.yaml", DATA / "app_mesh.claims.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
