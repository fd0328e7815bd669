"""Door to the disk: compiled modules, kept by the hash of what they were compiled from.

Compiling takes 0.4 s for a Rust filter and 1.2 s for a Go one, reading it back 4 and 17 ms. The
payload is machine code, so an entry is only used when its own hash is right, and the folder is
only used when it is ours. The cache is never the reason for a failure: without it, we compile.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

MAX_ENTRIES = 64  # beyond it the least recently used entry goes; 64 Go filters are about 700 MB
_MAGIC = b"meshloom1"


def default_folder() -> Path:
    """``$MESHLOOM_CACHE_DIR``, else ``meshloom`` in the user's cache folder (XDG)."""
    chosen = os.environ.get("MESHLOOM_CACHE_DIR")
    if chosen:
        return Path(chosen) / "wasm"
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or os.path.expanduser("~/.cache")) / "meshloom" / "wasm"


@dataclass(frozen=True, slots=True)
class CompiledCache:
    """Entries in ``folder``; one that is missing, damaged or unreadable is no entry."""

    folder: Path

    @classmethod
    def default(cls) -> CompiledCache:
        """The one in the user's cache folder, which all of meshloom shares."""
        return cls(default_folder())

    def get(self, key: str) -> bytes | None:
        path = self.folder / key
        try:
            if not self._is_ours():
                return None
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        head = len(_MAGIC) + 32
        payload = stored[head:]
        whole = _MAGIC + hashlib.sha256(payload).digest()
        return payload if stored[:head] == whole else None

    def put(self, key: str, payload: bytes) -> None:
        """Store an entry whole or not at all; another process may be writing the same one."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._is_ours():
                self._write(key, _MAGIC + hashlib.sha256(payload).digest() + payload)
                self._prune()

    def _is_ours(self) -> bool:
        """Machine code from a folder that somebody else can write to is not run."""
        facts = self.folder.stat()
        return facts.st_uid == os.getuid() and not facts.st_mode & 0o022

    def _write(self, key: str, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(name, self.folder / key)
        except OSError:
            os.unlink(name)
            raise

    def _prune(self) -> None:
        entries = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        entries.sort(key=lambda path: path.stat().st_mtime)
        for path in entries[: max(0, len(entries) - MAX_ENTRIES)]:
            path.unlink(missing_ok=True)
