"""Pattern files in, drafts and refusals out: what every test of the language needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_yaml.place import DocumentError

Read = Callable[..., Draft]
Refusal = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """``read(text, variable=value)``: the draft of a file that is called ``mesh.yaml``.

    It has been compiled as well, as ``meshloom check`` does it.
    """
    monkeypatch.chdir(tmp_path)

    def make(text: str, **variables: str) -> Draft:
        Path("mesh.yaml").write_text(dedent(text), encoding="utf-8")
        draft = load([Path("mesh.yaml")], variables)
        compile_mesh(draft, Placement.imagined(draft.mesh))
        return draft

    return make


@pytest.fixture
def refusal(read: Read) -> Refusal:
    """``refusal(text)``: why ``mesh.yaml`` is refused, without the name of the file."""

    def make(text: str, **variables: str) -> str:
        with pytest.raises(DocumentError) as caught:
            read(text, **variables)
        return str(caught.value).replace("mesh.yaml:", "")

    return make
