"""Files that only their owner may read: private keys and what else is secret. A door."""

from __future__ import annotations

import os
from pathlib import Path

MODE, FOLDER_MODE = 0o600, 0o700


def write_private(file: Path, content: bytes) -> None:
    """In place of what is there, which others may have open. Raises ``OSError``."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
