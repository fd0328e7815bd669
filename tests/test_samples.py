"""Meshery's own pattern files run and are proven as they are.

The files are not part of this project: they are read where they lie, beside it, and the tests say
so when they are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.proofs import ROOT, Done, Files, prove_all

SAMPLES = ROOT.parent / "shared" / "samples" / "meshery" / "samples"
NA_2021 = SAMPLES / "servicemeshcon-na-2021"
BOOKINFO = NA_2021 / "bookinfo.yaml"
NAMES = (
    "BookinfoDelayedVS",
    "BookinfoFaultedVS",
    "bookinfo",
    "bookinfovs",
    "bookinfowithcircuitbreaker",
    "bookinfowithretries",
    "circuitbreaker",
    "retries",
)
ALONE = [(NA_2021 / f"{name}.yaml",) for name in NAMES]
# the two that bring the whole of bookinfo themselves would bring it twice
TOGETHER = [
    (NA_2021 / f"{name}.yaml", BOOKINFO)
    for name in NAMES
    if not name.startswith("bookinfowith") and name != "bookinfo"
]
APPLICATIONS = [
    (SAMPLES / "applications" / name / "pattern.yaml",)
    for name in ("bookinfo", "emojivoto", "httpbin", "imagehub")
]
CLAIMS = Path(__file__).parent / "data" / "claims"
CLAIMED = [
    (NA_2021 / "BookinfoDelayedVS.yaml", BOOKINFO, CLAIMS / "jason_waits.yaml"),
    (NA_2021 / "retries.yaml", BOOKINFO, CLAIMS / "four_tries.yaml"),
    (NA_2021 / "bookinfo.yaml", CLAIMS / "a_tenth.yaml"),
    (SAMPLES / "applications" / "bookinfo" / "pattern.yaml", CLAIMS / "marked.yaml"),
]
EVERYTHING: list[Files] = [*ALONE, *TOGETHER, *APPLICATIONS, *CLAIMED]


def named(files: object) -> str:
    return "+".join(path.stem for path in files) if isinstance(files, tuple) else str(files)


@pytest.fixture(scope="module")
def proofs() -> Mapping[Files, Done]:
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample files are not there: {SAMPLES}")
    return prove_all(EVERYTHING)


@pytest.mark.parametrize("files", EVERYTHING, ids=named)
def test_a_meshery_pattern_file_does_what_it_says(
    files: Files, proofs: Mapping[Files, Done]
) -> None:
    done = proofs[files]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("files", EVERYTHING, ids=named)
def test_what_was_ignored_or_approximated_is_told_with_its_place(
    files: Files, proofs: Mapping[Files, Done]
) -> None:
    lines = proofs[files].stderr.splitlines()
    assert lines, "every one of these files holds something that has no meaning here"
    assert all(": warning: " in line and str(SAMPLES.name) in line for line in lines)
