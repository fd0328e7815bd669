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
        before = self._folders()
        self._seen = {file: self._seen.get(file) or _signature(file) for file in files}
        if self._folders() != before:
            self._moved.set()

    @property
    def pending(self) -> bool:
        """Whether a file has changed that has not been reported yet: it was half written, say."""
        return any(new and new != self._seen[file] for file, new in self._now().items())

    def _folders(self) -> set[Path]:
        return {path.parent for file in self._seen for path in (file.absolute(), _real(file))}

    async def __aiter__(self) -> AsyncIterator[frozenset[Path]]:
        from watchfiles import awatch  # 50 ms that a mesh's start need not wait for

        while True:
            self._moved = asyncio.Event()
            if changed := self._changed():
                yield changed
            async for _ in awatch(
                *(folder for folder in self._folders() if folder.is_dir()),
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
        now = self._now()
        changed = {file for file, new in now.items() if new and new != self._seen[file]}
        self._seen.update((file, now[file]) for file in changed)
        return frozenset(changed)

    def _now(self) -> dict[Path, _Signature | None]:
        return {file: _signature(file) for file in self._seen}


def _real(file: Path) -> Path:
    return Path(os.path.realpath(file))


def _signature(file: Path) -> _Signature | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
