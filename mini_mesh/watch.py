"""Which of the files that made the mesh have changed: the door to watchfiles.

The folders are watched and not the files, because many editors replace a file instead of writing
to it. An event is only the reason to look: what counts is that a file's size, time or inode differs
from when it was last seen, so links, renames and folders under another name need no care.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from watchfiles import awatch

# Milliseconds. A change is reported two steps after it came, so these decide how much of the 50 ms
# from a file's write to Envoy's new answer is spent here (watchfiles' own: 50 and 1600).
STEP = 4
LONGEST = 20  # a burst of events is reported after this at the latest
LOOK_ANYWAY = 500  # file systems that send no events are looked at this often

_Signature = tuple[int, int, int]


class FileWatch:
    """``async for changed in FileWatch(files)``: sets of files that have new content.

    A file that is gone is no change: it may be about to be replaced, and the last good content
    stays in effect. A write is not atomic, so a change may be seen half written; the rest of it is
    then another change.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._seen: dict[Path, _Signature | None] = {}
        self._moved = asyncio.Event()
        self.follow(files)

    def follow(self, files: Iterable[Path]) -> None:
        """Watch ``files`` from now on; one that was watched already loses no change."""
        self._seen = {file: self._seen.get(file) or _signature(file) for file in files}
        self._moved.set()

    async def __aiter__(self) -> AsyncIterator[frozenset[Path]]:
        while True:
            self._moved = asyncio.Event()
            folders = {
                path.parent for file in self._seen for path in (file.absolute(), _real(file))
            }
            async for _ in awatch(
                *(folder for folder in folders if folder.is_dir()),
                watch_filter=None,
                debounce=LONGEST,
                step=STEP,
                stop_event=self._moved,
                rust_timeout=LOOK_ANYWAY,
                yield_on_timeout=True,
                recursive=False,
            ):
                if changed := self._changed():
                    yield changed

    def _changed(self) -> frozenset[Path]:
        now = {file: _signature(file) for file in self._seen}
        changed = {file for file, new in now.items() if new and new != self._seen[file]}
        self._seen.update((file, now[file]) for file in changed)
        return frozenset(changed)


def _real(file: Path) -> Path:
    return Path(os.path.realpath(file))


def _signature(file: Path) -> _Signature | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
