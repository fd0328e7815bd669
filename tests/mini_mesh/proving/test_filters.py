from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from mini_mesh.proving.filters import check


def test_filters_that_can_not_be_read_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    claims = "- {to: web, access_log: {flagz == UO: 1}}\n- {to: web, in_order: [node ==]}\n"
    file.write_text(f"mesh: {{services: {{web: }}}}\nexpect:\n{claims}")
    with pytest.raises(DocumentError) as refused:
        check(load([file]))
    assert [str(each).partition(":")[2] for each in refused.value.problems] == [
        "3:26: 'flagz == UO': unknown field 'flagz'; did you mean 'flags'?",
        "4:24: 'node ==': expected a value, found the end",
    ]
