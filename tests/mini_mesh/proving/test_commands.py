"""Commands beside a real mesh: what they print, and when requests may go."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mini_mesh.proving import commands
from mini_mesh.proving.prover import prove
from tests.mini_mesh.live import started

MESH = """
mesh: {services: {web: {ingress: true}}}
expect:
- {send: 0, runs: {meshloom: 'check {file}', prints: 1 service}}
- {send: 2, status: 200, runs: {meshloom: 'ca --help', prints: SDS}}
- send: 0
  runs:
    meshloom: serve {file} --listen 127.0.0.1:{port} --http ''
    ready: serving
    interrupted: true
    prints: stopped
- {send: 0, runs: {meshloom: 'no such command', exits: 2}}
- {claim: wrong, send: 0, runs: {meshloom: 'check {folder}/none.yaml'}}
"""


async def test_commands_run_beside_the_mesh(tmp_path: Path) -> None:
    async with started(tmp_path, MESH, drain_seconds=1) as live:
        proofs = [proof async for proof in prove(live.mesh)]
        scratch = live.mesh.options.folder / commands.SCRATCH_FOLDER
        assert scratch.is_dir()
    failed = [each for proof in proofs for each in proof.verdicts if not each.holds]
    assert [(each.claim, each.seen) for each in failed] == [
        ("wrong: meshloom check {folder}/none.yaml", "2")
    ]
    assert "none.yaml" in failed[0].evidence[0]


async def test_a_command_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LONGEST", 3.0)
    runs = "{meshloom: 'serve {file} --listen 127.0.0.1:{port}', types: {never: x}}"
    text = f"{MESH.partition('expect:')[0]}expect: [{{send: 0, runs: {runs}}}]"
    start = time.monotonic()
    async with started(tmp_path, text, drain_seconds=1) as live:
        (proof,) = [proof async for proof in prove(live.mesh)]
    assert [each.seen for each in proof.verdicts] == ["did not end"]
    assert time.monotonic() - start < 20
