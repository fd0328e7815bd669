"""``meshloom rollback`` and ``--rollback``: meshes that go back, and follow their files again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meshloom.command import Up, inside, up, write
from tests.meshloom.test_serve import ANYWHERE, free_port, port_of, serving
from tests.meshloom.test_xds import BAD, GOOD, OTHER, told
from tests.xds_server.real_envoy import running_envoy


def back_by_hand(file: Path, mesh: Up) -> None:
    file.write_text(OTHER)
    mesh.until("in_effect")
    assert told("rollback") == "back to version VVVVVV (was VVVVVV)\n"
    assert mesh.until("rolled_back")["why"] == ""
    mesh.until("in_effect")


@pytest.mark.usefixtures("alone")
def test_a_mesh_goes_back_when_it_is_told_to_and_follows_its_files_again(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    with up(file) as mesh:
        at = ("--server", mesh.ready()["control_plane"])
        version = inside("xds", "status", "--json", *at).events[0]["version"]
        back_by_hand(file, mesh)
        assert inside("xds", "status", "--json").events[0]["version"] == version
        no = inside("rollback", "ingress")
        assert (no.code, no.out) == (1, "")
        assert no.err.endswith("ingress: no earlier config was accepted by every node\n")
        file.write_text(OTHER + "# again\n")
        mesh.until("applied", node="ingress")
        assert mesh.stop().code == 0


@pytest.mark.usefixtures("alone")
def test_a_mesh_goes_back_by_itself_where_that_is_asked(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    with up(file, "--rollback") as mesh:
        at = ("--server", mesh.ready()["control_plane"])
        version = inside("xds", "status", "--json", *at).events[0]["version"]
        file.write_text(BAD)
        refused = mesh.until("refused", node="ingress")
        back = mesh.until("rolled_back")
        assert (back["version"], back["why"]) == (version, refused["text"])
        mesh.until("in_effect", refused=0)
        assert mesh.stop().code == 1


@pytest.mark.usefixtures("alone")
async def test_serve_takes_envoys_of_ones_own_back(tmp_path: Path) -> None:
    text = f"mesh: {{services: {{web: {{ingress: {{port: {free_port()}}}}}}}}}\n"
    patterns = (each.partition("patterns:")[2] for each in (GOOD, BAD))
    good, bad = (f"{text}patterns:{each}" for each in patterns)
    file = write(tmp_path, good)
    with serving(file, *ANYWHERE, "--http", "none", "--rollback") as plane:
        port = port_of(plane)
        async with running_envoy(port, "ingress", "SotW"):
            plane.until("applied", node="ingress")
            file.write_text(bad)
            plane.until("rolled_back")
            plane.until("applied", node="ingress")
            told = inside("xds", "status", "ingress", "--json", "--server", f"127.0.0.1:{port}")
            (node,) = told.events[0]["nodes"]
            assert (node["accepted"], node["in_effect"]) == (True, "unknown")
            assert [each["outcome"] for each in told.events[0]["releases"]] == ["withdrawn", "good"]
        assert plane.stop().code == 1
