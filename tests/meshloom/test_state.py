"""Which meshes run on this machine, as folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from meshloom.state import NoMesh, announce, find_mesh, home, mesh_folder


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def put(name: str, pid: int) -> Path:
    folder = home() / str(pid)
    folder.mkdir(parents=True)
    announce(folder, {"name": name, "ingress": "http://127.0.0.1:1"})
    return folder


def dead() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        return process.pid


def test_none() -> None:
    with pytest.raises(NoMesh, match="^no mesh is running; start one with 'meshloom up'$"):
        find_mesh()


def test_the_only_one_needs_no_name() -> None:
    folder = put("bookinfo", os.getpid())
    found = find_mesh()
    assert (found.name, found.pid, found.folder) == ("bookinfo", os.getpid(), folder)
    assert found.state["ingress"] == "http://127.0.0.1:1"
    assert found.tap_socket == folder / "tap.sock"
    assert find_mesh("bookinfo") == find_mesh(str(os.getpid())) == found
    with pytest.raises(NoMesh, match="^no mesh called 'shop' is running"):
        find_mesh("shop")


def test_of_two_one_has_to_be_named() -> None:
    put("bookinfo", os.getpid())
    put("shop", os.getppid())
    listed = rf"(?=.*bookinfo \(pid {os.getpid()}\))(?=.*shop \(pid {os.getppid()}\))"
    with pytest.raises(NoMesh, match=listed + ".*say which with --mesh NAME or PID"):
        find_mesh()
    assert find_mesh("shop").pid == os.getppid()
    assert find_mesh(str(os.getpid())).name == "bookinfo"


def test_what_a_killed_one_left_behind_is_removed() -> None:
    stale, other = put("bookinfo", dead()), home() / "notes"
    other.mkdir()
    with pytest.raises(NoMesh):
        find_mesh()
    assert not stale.exists()
    assert other.exists()  # not ours


def test_a_mesh_that_has_not_announced_itself_is_not_found_and_its_rests_go_too() -> None:
    silent = home() / str(dead())
    silent.mkdir(parents=True)
    home().chmod(0o700)
    with mesh_folder() as folder:
        assert not silent.exists()
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(NoMesh):
            find_mesh()
        announce(folder, {"name": "here"})
        assert find_mesh().folder == folder
    assert not folder.exists()


def test_a_folder_that_others_may_read_is_not_used() -> None:
    home().mkdir(mode=0o755)
    home().chmod(0o755)
    with (
        pytest.raises(NoMesh, match="belongs to somebody else or is open to others"),
        mesh_folder(),
    ):
        pass
