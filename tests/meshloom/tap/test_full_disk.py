"""A disk that takes no more under a mesh that runs: capture goes on, and nothing kept is lost."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_traffic import Exchange
from meshloom.state import find_mesh
from tap.live.client import watch
from tests.meshloom.command import Up, get, up, write
from tests.meshloom.tap.stored import tap

ONE = "name: full\nmesh: {services: {web: {ingress: true}}}\n"
HOPS = 2  # Envoys that each request passes

pytestmark = [
    pytest.mark.usefixtures("alone"),
    pytest.mark.skipif(sys.platform != "linux", reason="no prlimit(2) but on Linux"),
]


def paths() -> list[str]:
    """Of all that is stored."""
    return [json.loads(line)["request"]["path"] for line in tap("query", "--json").out.splitlines()]


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def fill(mesh: Up, full: bool) -> None:
    """As on a disk that is full, none of the mesh's files may grow from now on; or they may again.

    The Envoys are processes of their own, and go on as they are.
    """
    most = 1 if full else resource.RLIM_INFINITY
    resource.prlimit(mesh.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def ask(ready: dict[str, Any], *names: str) -> list[str]:
    """The paths that are captured of it, sorted."""
    for name in names:
        assert get(f"{ready['ingress']}/{name}").status == 200
    return sorted(f"/{name}" for name in names for _ in range(HOPS))


async def watched(ready: dict[str, Any], *names: str) -> list[str]:
    """The paths that a view shows of it."""
    socket = find_mesh(str(ready["pid"])).tap_socket
    async with asyncio.timeout(10), watch(socket, summary=True) as view:
        await anext(aiter(view))
        count = len(await asyncio.to_thread(ask, ready, *names))
        seen = []
        async for event in view:
            if isinstance(event, Exchange):
                seen.append(event.request.path)
            if len(seen) == count:
                break
        return sorted(seen)


def test_a_full_disk_keeps_what_it_has_views_go_on_and_what_is_missing_is_counted(
    tmp_path: Path,
) -> None:
    with up(write(tmp_path, ONE)) as mesh:
        ready = mesh.ready()
        before = ask(ready, "a", "b")
        until(lambda: sorted(paths()) == before)
        fill(mesh, full=True)
        assert asyncio.run(watched(ready, "c", "d")) == ["/c", "/c", "/d", "/d"]
        time.sleep(0.7)  # the store has tried to write
        assert sorted(paths()) == before
        fill(mesh, full=False)
        until(lambda: len(paths()) == 4 * HOPS)
        fill(mesh, full=True)
        assert asyncio.run(watched(ready, "e")) == ["/e", "/e"]
        done = mesh.stop()
    assert done.code == 0
    waits, again, *others = done.err.splitlines()
    assert waits.startswith("meshloom: captures go on, and wait to be stored: ")
    assert again == "meshloom: captures are stored again"
    assert others[-1].startswith(f"meshloom: {HOPS} exchanges could not be stored: ")
    assert "the disk does not take it" in waits
    assert "Traceback" not in done.err
    assert sorted(paths()) == sorted([*before, "/c", "/c", "/d", "/d"])
