"""All patterns of the catalogue, the examples and real files in every dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns import catalogue
from mesh_patterns.exporters.dialects import DIALECTS, export
from mesh_patterns.load import load
from mesh_yaml import yaml
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.exporters.law import check

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT.parent / "shared" / "samples"
OURS = [file for _, file in catalogue.files()] + sorted((ROOT / "examples").glob("*.yaml"))
# A folder of real files, and the dialect that they are in.
FOLDERS = {"istio": "istio", "gateway-api": "gateway-api", "meshery": "meshery"}


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_our_patterns_import_as_what_was_written_of_them(file: Path, tmp_path: Path) -> None:
    draft = load([file])
    for dialect in DIALECTS:
        check(draft, dialect, tmp_path)


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_files_stay_what_they_are(folder: str, tmp_path: Path) -> None:
    files = sorted((SAMPLES / folder).rglob("*.yaml"))
    if not files:
        pytest.skip(f"{SAMPLES / folder} is missing: the samples lie beside the project")
    seen: set[bytes] = set()
    for file in files:
        content = file.read_bytes()
        if content in seen:
            continue
        seen.add(content)
        try:
            draft = load([file])
        except DocumentError:
            continue  # nothing in it can be run, which test_samples counts
        check(draft, FOLDERS[folder], tmp_path)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_text_says_what_the_documents_say(dialect: str, tmp_path: Path) -> None:
    found = export(load([catalogue.resolved("catalog:advanced-routing")]), dialect, tmp_path)
    assert [node.plain() for node in yaml.parse(found.text(), "x")] == list(found.documents)


def test_a_canary_loses_nothing_in_any_dialect_of_policy(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("""\
mesh: {services: {web: {calls: [shop]}, shop: {versions: {v1: , v2: }}}}
patterns:
  - {pattern: canary, on: shop, weights: {v1: 90, v2: 10}}
""")
    draft = load([file])
    told = "images are names alone: put those of the 3 workloads in"
    for dialect in ("istio", "gateway-api", "smi", "meshery"):
        found = export(draft, dialect, tmp_path)
        assert [problem.message for problem in found.losses] == [told]
    lost = export(draft, "kubernetes", tmp_path).losses
    assert [str(problem.place).removeprefix(str(tmp_path)) for problem in lost] == [
        "/shop.yaml:1:19", "/shop.yaml:3:42",
    ]  # fmt: skip
    assert lost[1].message == "a split: Kubernetes has no words for it, left out"
