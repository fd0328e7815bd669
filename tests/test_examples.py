"""Every example, and everything in the catalogue, is proven against the real Envoy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path
    for folder in ("examples", "mesh_patterns/catalog")
    for path in (ROOT / folder).rglob("*.yaml")
)
SECONDS = 60


def prove(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meshloom", "prove", str(file.relative_to(ROOT))]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_file_of_ours_claims_holds(file: Path) -> None:
    """A share over random requests fails by luck three times in a thousand, so it has two tries:
    luck runs out nine times in a million, a defect does not mend itself."""
    done = prove(file)
    if done.returncode == 1:
        done = prove(file)
    assert done.returncode == 0, done.stdout + done.stderr
