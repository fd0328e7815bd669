"""The examples of SMI's own specification, which lie beside the project: all of them are read, as
far as there is anything in them to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.conftest import SAMPLES

FOLDER = SAMPLES / "smi" / "apis"
GROUPS = {
    "TrafficSplit": "split", "HTTPRouteGroup": "specs", "TCPRoute": "specs", "UDPRoute": "specs",
    "TrafficTarget": "access", "IdentityBinding": "access", "TrafficMetrics": "metrics",
}  # fmt: skip
_BLOCK = re.compile(r"^( *)```ya?ml\n(.*?)^ *```", re.S | re.M)
_KIND = re.compile(rf"^kind: ({'|'.join(GROUPS)})$", re.M)


def examples(file: Path) -> Iterator[str]:
    """The file's examples of SMI's kinds; most leave the version of the API to the reader."""
    for indented, block in _BLOCK.findall(file.read_text()):
        text = dedent(block) if indented else block
        if _KIND.search(text):
            plain = re.sub(r"^apiVersion: .*\n", "", text, flags=re.M)
            yield _KIND.sub(partial(_versioned, file.parent.name), plain)


def _versioned(version: str, kind: re.Match[str]) -> str:
    return f"apiVersion: {GROUPS[kind[1]]}.smi-spec.io/{version}\n{kind[0]}"


def outcomes(files: list[Path], folder: Path) -> tuple[list[Draft], list[str]]:
    """What is imported, and why the rest is refused: one line each."""
    imported, refused = [], []
    for number, text in enumerate(text for file in files for text in examples(file)):
        path = folder / f"{number}.yaml"
        path.write_text(text)
        try:
            imported.append(load([path]))
        except DocumentError as error:
            refused += [problem.message for problem in error.problems]
    return imported, refused


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("traffic-split", (22, 0)),
        ("traffic-access", (10, 5)),
        ("traffic-specs", (0, 24)),
        ("traffic-metrics", (0, 2)),
    ],
)
def test_every_example_is_imported_or_refused_in_one_line(
    api: str, expected: tuple[int, int], tmp_path: Path
) -> None:
    files = sorted((FOLDER / api).rglob("*.md"))
    if not files:
        pytest.skip(f"{FOLDER / api} is missing: the samples lie beside the project")
    imported, refused = outcomes(files, tmp_path)
    assert (len(imported), len(refused)) == expected, refused
    assert all(" has no" in f" {line}" for line in refused)
    assert all(draft.mesh.services for draft in imported)
