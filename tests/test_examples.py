"""Every example, and everything in the catalogue, is proven against the real Envoy.

Once: their bounds are wide enough for luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mesh_patterns import catalogue
from tests.proofs import ROOT, Done, Files, prove_all

# what stands in a folder of a pattern's name belongs to that pattern
FILES = [
    *sorted((ROOT / "examples").rglob("*.yaml")),
    *sorted((catalogue.ROOT / "demo").glob("*.yaml")),
    *(file for _, file in catalogue.files()),
]


@pytest.fixture(scope="module")
def proofs() -> Mapping[Files, Done]:
    return prove_all(((file,) for file in FILES), tries=1)


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_file_of_ours_claims_holds(file: Path, proofs: Mapping[Files, Done]) -> None:
    done = proofs[(file,)]
    assert done.returncode == 0, done.stdout + done.stderr
