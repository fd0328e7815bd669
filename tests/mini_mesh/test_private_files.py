from __future__ import annotations

import os
import stat
from pathlib import Path

from mini_mesh.private_files import write_private


def test_only_the_owner_may_read_it_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("old, and longer")
    file.chmod(0o644)
    with file.open() as reader:
        write_private(file, b"new")
        assert reader.read() == "old, and longer"  # whoever had it open sees nothing of the new
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "key.pem"
    other.write_text("theirs")
    os.symlink(other, file)
    write_private(file, b"mine")
    assert (other.read_text(), file.read_bytes(), file.is_symlink()) == ("theirs", b"mine", False)
