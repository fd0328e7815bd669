"""Pattern files in, every node's resources out, each with its lines; and what Envoy says of them.

``data/in/*.yaml`` become ``data/out/*.yaml``; ``pytest --update-golden`` rewrites those. A file is
as ``meshloom render`` would show it, with ports that are counted up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement, needs
from mesh_yaml import yaml
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.ports import Ports
from tests.mesh_patterns.running import Oracle
from xds_server.mirror import render
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot

DATA = Path(__file__).parents[1] / "data"
INPUTS = sorted(path.name for path in (DATA / "in").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA / "in")  # so that places are short


def shown(resource: Resource) -> dict[str, Any]:
    kind = resource.type
    return {
        "origins": dict(resource.origins),
        kind.title: render(kind.type_url, resource.body),
    }


def golden(snapshots: Mapping[str, Snapshot]) -> str:
    found = {node: [shown(each) for each in snapshot] for node, snapshot in snapshots.items()}
    return yaml.dump(found).replace(str(DATA), "DATA")


@pytest.mark.parametrize("name", INPUTS)
def test_a_file_becomes_these_resources(name: str, update_golden: bool) -> None:
    draft = load([Path(name)])
    made = golden(compile_mesh(draft, Placement.imagined(draft.mesh)))
    expected = DATA / "out" / name
    if update_golden:
        expected.write_text(made, encoding="utf-8")
    assert made == expected.read_text(encoding="utf-8"), "pytest --update-golden rewrites it"


def test_every_expected_file_has_an_input() -> None:
    orphans = {path.name for path in (DATA / "out").iterdir()} - set(INPUTS)
    assert not orphans


async def test_a_real_envoy_accepts_every_resource_of_every_node() -> None:
    refused: dict[str, list[str]] = {}
    with Ports() as ports:
        async with Oracle().running(ports) as envoy:
            for name in INPUTS:
                draft = load([Path(name)])
                placement = Placement({need.key: ports.take() for need in needs(draft.mesh)})
                identities = Issuer().identities(draft)
                for node, snapshot in compile_mesh(draft, placement, identities).items():
                    refused[f"{name} {node}"] = await envoy.judge(snapshot)
    assert not {where: texts for where, texts in refused.items() if texts}
    assert len(refused) == 25
