"""Foreign files in, drafts out: what every test of the importers needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT.parent / "shared" / "samples"

Import = Callable[..., Draft]


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """``imported(text, …)``: the draft of files ``1.yaml``, ``2.yaml``, …, given together."""
    monkeypatch.chdir(tmp_path)

    def make(*texts: str, **variables: str) -> Draft:
        paths = [Path(f"{number}.yaml") for number in range(1, len(texts) + 1)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(dedent(text))
        return load(paths, variables)

    return make


@pytest.fixture
def refusal(imported: Import) -> Callable[..., str]:
    """``refusal(text, …)``: why files are refused."""

    def make(*texts: str) -> str:
        with pytest.raises(DocumentError) as caught:
            imported(*texts)
        return str(caught.value)

    return make


@pytest.fixture
def sample() -> Callable[..., Draft]:
    """``sample(path, …)``: the draft of real files of others, which lie beside the project."""

    def make(*names: str) -> Draft:
        paths = [SAMPLES / name for name in names]
        for path in paths:
            if not path.is_file():
                pytest.skip(f"{path} is missing: the samples lie beside the project")
        return load(paths)

    return make


def warnings(draft: Draft) -> list[str]:
    """The warnings of an import, their places shortened to file names."""
    return [
        f"{Path(problem.place.file).name}:{problem.place.line}:{problem.place.column}: "
        f"{problem.message}"
        for problem in draft.mesh.warnings
    ]


@pytest.fixture
def told() -> Callable[[Draft], list[str]]:
    return warnings
