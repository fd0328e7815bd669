"""Handing exchanges to a store that works beside the hub."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tap.live import keeper as module
from tap.live.keeper import Keeper
from tap.store import Reader, Store, StoreError
from tests.tap.exchanges import sample


def test_what_was_handed_over_is_there_at_the_end(tmp_path: Path) -> None:
    keeper = Keeper(lambda: Store(tmp_path / "captures.db"))
    with keeper.running():
        for number in range(1000):
            keeper.keep([sample(id=str(number), started=time.time())])
    assert keeper.kept().stored == 1000
    with Reader(tmp_path / "captures.db") as reader:
        assert {one.id for one in reader.query(limit=2000)} == {str(n) for n in range(1000)}


def test_a_few_are_written_without_waiting_for_company(tmp_path: Path) -> None:
    keeper = Keeper(lambda: Store(tmp_path / "captures.db"))
    with keeper.running():
        keeper.keep([sample()])
        end = time.monotonic() + 5
        while keeper.kept().stored == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert keeper.kept().stored == 1


def test_a_store_that_can_not_be_opened_says_so_to_whoever_begins(tmp_path: Path) -> None:
    (tmp_path / "captures.db").write_text("no store")
    keeper = Keeper(lambda: Store(tmp_path / "captures.db"))
    with pytest.raises(StoreError, match="captures.db"), keeper.running():
        pass


def test_a_disk_that_hangs_holds_nobody_up_and_what_finds_no_room_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HANDED", 3)
    hangs = threading.Event()

    class Hanging(Store):
        def tick(self) -> None:
            hangs.wait(10)
            super().tick()

    said: list[str] = []
    keeper = Keeper(lambda: Hanging(tmp_path / "captures.db"), said.append)
    with keeper.running():
        keeper.keep([sample()])
        time.sleep(0.1)  # the thread has taken it, and hangs
        for _ in range(5):
            keeper.keep([sample()])
        assert keeper.kept().not_stored == 2
        hangs.set()
    assert (keeper.kept().stored, keeper.kept().not_stored) == (4, 2)
    with Reader(tmp_path / "captures.db") as reader:
        assert reader.holds().not_stored == 2  # and so is whoever asks the store
    assert said == ["2 exchanges could not be stored"]
