"""An independent second gRPC, that of Node, under the same control plane."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mini_mesh.events import Refused
from mini_mesh.grpc_bootstrap import GrpcNode, environment
from tests.mini_mesh.live import started

PACKAGES = ("@grpc/grpc-js@1.14.7", "@grpc/grpc-js-xds@1.14.1")
INSTALL_TIME = 60.0  # seconds for 38 MB, once
CALL_TIME = 30.0

MESH = """
mesh:
  services:
    web: {dataplane: grpc, calls: [api, slow]}
    api: {dataplane: grpc, versions: {v1: , v2: }}
    slow: {protocol: grpc}
patterns:
  - {pattern: canary, on: api, weights: {v1: 80, v2: 20}}
  - {pattern: fault, on: slow, delay: {fixed: 5s}}
  - {pattern: timeout, on: slow, after: 300ms}
"""
CLIENT = """
const grpc = require("@grpc/grpc-js");
require("@grpc/grpc-js-xds").register();
const plain = grpc.credentials.createInsecure(), same = (x) => x;
function ask(client) {
  return new Promise((done) => {
    const start = performance.now(), deadline = Date.now() + 10000;
    let version = "";
    const call = client.makeUnaryRequest("/test.Echo/Say", same, same, Buffer.alloc(0),
      new grpc.Metadata(), { deadline },
      (error) => done([error ? error.code : 0, version, (performance.now() - start) / 1000]));
    call.on("metadata", (found) => { version = (found.get("x-meshloom-version")[0] || ""); });
  });
}
async function main() {
  const [target, count] = process.argv.slice(2), found = [];
  const client = new grpc.Client(target, plain);
  for (let i = 0; i < count; i++) found.push(await ask(client));
  console.log(JSON.stringify(found));
  process.exit(0);
}
main();
"""


@pytest.fixture(name="folder", scope="module")
def fixture_folder() -> Path:
    """Where the packages are installed, once for all runs; skips where they can't be."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node: node or npm is not on the path")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "meshloom-tests" / "grpc-js"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        # where there is no registry, that is known at once, not after two more tries
        command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0"]
        command += ["--fetch-timeout=20000", "--prefix", str(folder), *PACKAGES]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_TIME)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm can't install {' and '.join(PACKAGES)}: {error}")
        (folder / "installed").touch()
    (folder / "client.js").write_text(CLIENT)
    return folder


async def asked(folder: Path, node: GrpcNode, target: str, count: int) -> list[Any]:
    process = await asyncio.create_subprocess_exec(
        *("node", str(folder / "client.js"), target, str(count)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment(node)},
    )
    try:
        async with asyncio.timeout(CALL_TIME):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return list(json.loads(said))


async def test_grpc_js_shares_calls_and_keeps_timeouts(tmp_path: Path, folder: Path) -> None:
    async with started(tmp_path, MESH) as live:
        node = live.mesh.plan.grpc["web"]
        shared, late = await asyncio.gather(
            asked(folder, node, "xds:///api", 200), asked(folder, node, "xds:///slow", 1)
        )
        assert {status for status, _, _ in shared} == {0}
        assert 20 <= sum(version == "v2" for _, version, _ in shared) <= 60  # 40 ± 3.5 σ
        ((status, _, seconds),) = late
        assert status == 4
        assert 0.29 < seconds < 2
        assert live.all(Refused) == []
