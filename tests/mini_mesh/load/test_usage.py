"""What a process has used, against what it knows itself."""

from __future__ import annotations

import os
import time

import pytest

from mini_mesh.load import usage as proc
from mini_mesh.load.usage import usage, usages

pytestmark = pytest.mark.skipif(not proc.PROC.is_dir(), reason="there is no /proc")


def test_it_is_what_the_process_itself_is_told() -> None:
    told = usage(os.getpid())
    assert told is not None
    assert told.cpu == pytest.approx(time.process_time(), abs=0.1)
    assert 10 * 2**20 < told.memory < 10 * 2**30


def test_who_is_gone_has_used_nothing() -> None:
    assert usage(2**22 + 1) is None
    assert list(usages({"me": os.getpid(), "none": None, "gone": 2**22 + 1})) == ["me"]
