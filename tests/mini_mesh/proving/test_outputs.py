from __future__ import annotations

from pathlib import Path

from mesh_patterns.load import load
from mini_mesh.proving.observed import Observed, Ran
from mini_mesh.proving.outputs import outputs

MESH = """
mesh: {services: {web: }}
expect:
- {to: web, send: 0, runs: {meshloom: xds status --json, exits: 1, prints: [acked, web]}}
"""


def test_a_verdict_for_the_exit_code_and_for_each_text(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH)
    (claim,) = load([file]).mesh.claims
    ran = Ran("xds status --json", 1, "the web\nhas refused")
    found = list(outputs(claim, Observed((), ran=(ran,))))
    assert [(each.expected, each.seen, each.holds) for each in found] == [
        ("exits with 1", "1", True),
        ("prints 'acked'", "not printed", False),
        ("prints 'web'", "printed", True),
    ]
    assert found[1].evidence == ("the web", "has refused")
    assert found[1].claim == "meshloom xds status --json: meshloom xds status"
    ended = list(outputs(claim, Observed((), ran=(Ran("xds status --json", None, ""),))))
    assert (ended[0].seen, ended[0].holds) == ("did not end", False)
