"""Which stores there are, as files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from meshloom.state import NoMesh, announce, mesh_folder
from meshloom.tap.places import KEPT_RUNS, find_store, home, name_of, new_store, stores

pytestmark = pytest.mark.usefixtures("alone")


def made(mesh: str, now: float, pid: int = 1) -> Path:
    path = new_store(mesh, pid, now)
    path.parent.mkdir(parents=True, exist_ok=True)
    for end in ("", "-lock", "-wal"):
        path.with_name(path.name + end).touch()
    return path


def test_the_last_run_is_found_after_it_has_ended() -> None:
    made("shop", 100)
    last = made("shop", 200)
    other = made("bookinfo", 300, pid=77)
    assert find_store() == find_store("bookinfo") == find_store("77") == other
    assert find_store("shop") == last


def test_the_running_mesh_goes_first() -> None:
    ours = made("shop", 100, os.getpid())
    made("bookinfo", 300)
    with mesh_folder() as folder:
        announce(folder, {"name": "shop"})
        assert find_store() == find_store(str(os.getpid())) == ours


def test_of_two_running_meshes_one_has_to_be_named() -> None:
    made("shop", 100)
    with ExitStack() as stack:
        folder = stack.enter_context(mesh_folder())
        announce(folder, {"name": "shop"})
        second = folder.with_name(str(os.getppid()))
        second.mkdir()
        announce(second, {"name": "bookinfo"})
        with pytest.raises(NoMesh, match="several meshes are running: .* say which with --mesh"):
            find_store()
        assert name_of(find_store("shop")) == "shop"
        (second / "mesh.json").unlink()
        second.rmdir()


def test_nothing_stored_is_said() -> None:
    with pytest.raises(NoMesh, match="^nothing is stored in .*; name a file with --store$"):
        find_store()
    made("shop", 100)
    with pytest.raises(NoMesh, match="^nothing of 'bookinfo' is stored"):
        find_store("bookinfo")


def test_the_oldest_run_goes_when_a_new_one_comes_unless_it_still_runs() -> None:
    runs = [made("shop", 100, os.getpid()), *(made("shop", at) for at in (200, 300))]
    other = made("bookinfo", 50)
    with mesh_folder() as folder:
        announce(folder, {"name": "shop"})
        runs.append(made("shop", 400))
        assert stores("shop") == runs
        runs.append(made("shop", 500))
        assert stores("shop") == [runs[0], runs[2], runs[3], runs[4]]
    runs.append(made("shop", 600))
    assert len(stores("shop")) == KEPT_RUNS
    assert other in stores()
    assert not list(home().glob("*T000140*"))  # nothing beside it stays either


def test_two_runs_never_share_a_file() -> None:
    assert len({made("shop", 100), made("shop", 100)}) == 2


def test_a_name_leads_out_of_no_folder() -> None:
    for name in ("../../etc", "..", "a@b", "ü*[", "x" * 500):
        path = made(name, 100)
        assert path.parent == home()
        assert path in stores(name)
    assert name_of(new_store("a@b/ü", 1, 0)) == "a@b/ü"
