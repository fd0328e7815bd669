"""Every mesh of the catalogue as static bootstraps, judged by Envoy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mesh_patterns import catalogue
from mesh_patterns.exporters.envoy_static import Ports
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.exporters.envoy_static.exported import bootstrap, export
from tests.mini_mesh.live import needs_envoy

FILES = {path.stem: path for _, path in catalogue.files()}
MOST = 1  # of a mesh's files that Envoy judges, the longest; all of them take a minute


@pytest.mark.parametrize("name", FILES)
def test_envoy_takes_every_mesh_of_the_catalogue(name: str, tmp_path: Path) -> None:
    envoy = needs_envoy().path
    static = export(load([FILES[name]]), tmp_path)
    for secret, content in static.secrets.items():
        (tmp_path / secret).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / secret).write_bytes(content)
    longest = sorted(static.files.values(), key=len)[-MOST:]
    for text in longest:
        file = tmp_path / "envoy.yaml"
        file.write_text(text)
        command = [envoy, "--mode", "validate", "--disable-hot-restart", "-c", file]
        done = subprocess.run(
            [*command, "-l", "critical"], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr[:2000]


def test_the_same_mesh_is_the_same_files(read: Read) -> None:
    text = "mesh: {services: {a: {calls: [b]}, b: {protocol: grpc}}}"
    assert export(read(text)).files == export(read(text)).files


def test_whoever_starts_one_is_told_the_addresses_around_it(read: Read) -> None:
    files = export(read("mesh: {services: {a: {calls: [b], ingress: 8080}, b: }}")).files
    assert [line for line in files["a.yaml"].splitlines() if line.startswith("#")] == [
        "# The Envoy 'a' of the mesh 'mesh', exported by meshloom.",
        "# envoy --disable-hot-restart -c a.yaml",
        "# The workload of a has to listen at 127.0.0.1:20000.",
        "# It reaches b at 127.0.0.1:20005.",
    ]
    assert "# The outside reaches a at 127.0.0.1:8080.\n" in files["ingress.yaml"]
    assert "# To try b: 127.0.0.1:20008.\n" in files["ingress.yaml"]


def test_ports_that_files_ask_for_are_not_given_to_others(read: Read) -> None:
    draft = read("mesh: {services: {a: {ingress: 20001}, b: {ingress: 20003}}}")
    ports = Ports.counted(draft, 20000)
    all_ports = [*ports.placement.ports.values(), *ports.admins.values()]
    assert sorted(all_ports) == list(range(20000, 20000 + len(all_ports)))


def test_too_few_ports_are_one_line(read: Read) -> None:
    draft = read("mesh: {services: {a: , b: }}")
    with pytest.raises(DocumentError, match="there are too few ports from 65530 up, by 4"):
        Ports.counted(draft, 65530)


def test_the_name_of_a_mesh_can_not_end_its_comment(read: Read) -> None:
    static = export(read('name: "a\\nnode: b"\nmesh: {services: {c: }}'))
    assert bootstrap(static, "c")["node"] == {"id": "c", "cluster": "a\nnode: b"}
