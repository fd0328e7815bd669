"""Each importer with the files of all others, and with files that are cut off: one line each."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest

from mesh_patterns.importers.objects import POLICY
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.conftest import SAMPLES

GROUPS = {
    "istio": "networking.istio.io/v1",
    "gateway-api": "gateway.networking.k8s.io/v1",
    "smi": "split.smi-spec.io/v1alpha2",
    "linkerd": "policy.linkerd.io/v1beta3",
    "consul": "consul.hashicorp.com/v1alpha1",
    "kuma": "kuma.io/v1alpha1",
    "app-mesh": "appmesh.k8s.aws/v1beta2",
}
KINDS = [(GROUPS[family], kind) for family, kinds in POLICY.items() for kind in sorted(kinds)]
EACH = 5  # kinds that a document is taken for


def documents() -> list[str]:
    """Policy of others, without its own kind."""
    files = sorted(
        [*(SAMPLES / "gateway-api").rglob("*.yaml"), *(SAMPLES / "istio").rglob("*.yaml")]
    )
    if not files:
        pytest.skip(f"{SAMPLES} is missing: the samples lie beside the project")
    whole = [text for file in files for text in file.read_text().split("\n---")]
    return [text for text in whole if "\nspec:" in text and "\nkind:" in text]


def outcome(path: Path) -> None:
    """That a file is imported or refused by problems of one line each."""
    try:
        load([path])
    except DocumentError as error:
        assert all(str(problem).count("\n") == 0 for problem in error.problems)  # noqa: PT017


def test_a_document_of_another_kind_is_imported_or_refused(tmp_path: Path) -> None:
    kinds = cycle(KINDS)
    path = tmp_path / "other.yaml"
    for text in documents():
        lines = [line for line in text.splitlines() if not line.startswith(("apiVersion", "kind:"))]
        for _ in range(EACH):
            version, kind = next(kinds)
            path.write_text("\n".join([f"apiVersion: {version}", f"kind: {kind}", *lines]))
            outcome(path)


def test_a_file_that_is_cut_off_is_imported_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.yaml"
    for number, text in enumerate(documents()):
        path.write_text(text[: len(text) * (1 + number % 8) // 9])
        outcome(path)


def test_anchors_and_several_documents_are_as_if_written_out(tmp_path: Path) -> None:
    path = tmp_path / "anchors.yaml"
    path.write_text("""
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  parentRefs: [{group: "", kind: Service, name: &name reviews}]
  rules: [{backendRefs: [{name: *name}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: b}
spec:
  parentRefs: [{group: "", kind: Service, name: ratings}]
  rules: [&rule {backendRefs: [{name: ratings-v1}]}, *rule]
""")
    assert list(load([path]).mesh.services) == ["reviews", "ratings"]
