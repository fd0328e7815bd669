from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mini_mesh.watch import FileWatch


class Watched:
    """A watch that runs, and the changes that it saw."""

    def __init__(self, *files: Path) -> None:
        self.watch = FileWatch(files)
        self.changes: asyncio.Queue[frozenset[Path]] = asyncio.Queue()

    async def run(self) -> None:
        async for changed in self.watch:
            self.changes.put_nowait(changed)

    async def next(self) -> frozenset[Path]:
        return await asyncio.wait_for(self.changes.get(), timeout=3)


@contextlib.asynccontextmanager
async def watching(*files: Path) -> AsyncIterator[Watched]:
    watched = Watched(*files)
    task = asyncio.ensure_future(watched.run())
    try:
        yield watched
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "canary.yaml"
    path.write_text("weight: 1")
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_a_written_file_and_a_replaced_one_are_changes(file: Path) -> None:
    async with watching(file) as watched:
        _write(file, "weight: 10")
        assert await watched.next() == {file}
        other = file.with_name(".canary.swp")
        _write(other, "weight: 11")
        os.replace(other, file)
        assert await watched.next() == {file}
        assert watched.changes.empty()


async def test_a_neighbour_a_mode_and_a_deletion_are_no_changes(file: Path) -> None:
    async with watching(file) as watched:
        _write(file.with_name("notes.txt"), "mine")
        os.chmod(file, 0o600)
        os.unlink(file)
        _write(file, "weight: 12")
        assert await watched.next() == {file}
        assert watched.changes.empty()


async def test_a_link_changes_when_its_target_does(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.yaml"
    link.symlink_to(file)
    async with watching(link) as watched:
        _write(file, "weight: 13")
        assert await watched.next() == {link}


async def test_a_file_that_joins_is_watched_in_its_own_folder(file: Path, tmp_path: Path) -> None:
    (tmp_path / "filters").mkdir()
    filter_ = tmp_path / "filters" / "plan.wasm"
    filter_.write_bytes(b"\0asm")
    async with watching(file) as watched:
        _write(file, "weight: 14")
        assert await watched.next() == {file}
        watched.watch.follow([file, filter_])
        _write(filter_, "more")
        assert await watched.next() == {filter_}
