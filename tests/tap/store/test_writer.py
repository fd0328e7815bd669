"""The writer: what it keeps, what it says about it, and what stops it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, replace
from tap.store import Limits, Reader, Store, StoreError, bodies
from tap.store import writer as writing
from tap.store.limits import AT_ONCE
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample

NO_LIMITS = Limits(None, None, None)
ROOT = Path(__file__).parents[3]


class Clock:
    def __init__(self) -> None:
        self.now = SAMPLE.started

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tap.store"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(path, NO_LIMITS, clock)) as opened:
        yield opened


def ids(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [exchange.id for exchange in reader.query()]


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(number)


def many(number: int, start: int = 0, **changes: object) -> list[Exchange]:
    return [sample(id=f"{at:04x}", **changes) for at in range(start, start + number)]


def with_body(data: bytes) -> Exchange:
    assert SAMPLE.response is not None
    return sample(
        request=SAMPLE.request.__class__(body=Body(data)), response=None, started=SAMPLE.started
    )


def test_an_exchange_comes_back_as_it_was(store: Store, path: Path) -> None:
    store.add([SAMPLE])
    assert store.flush().stored == 1
    with Reader(path) as reader:
        assert list(reader.query()) == [SAMPLE]
        assert reader.by_id("none", "9f3e") == [SAMPLE]


@settings(max_examples=25, deadline=None)
@given(st.lists(EXCHANGE, max_size=20))
def test_whatever_is_captured_comes_back(
    tmp_path_factory: pytest.TempPathFactory, exchanges: list[Exchange]
) -> None:
    path = tmp_path_factory.mktemp("any") / "tap.store"
    with closing(Store(path, NO_LIMITS)) as store:
        store.add(exchanges)
        assert store.flush().stored == len(exchanges)
        with Reader(path) as reader:
            found = list(reader.query())
    for one, expected in zip(found, exchanges, strict=True):
        for name in Exchange.__struct_fields__:  # one that is new has to find its place here
            if name != "response" or not _beyond_sqlite(expected):
                assert getattr(one, name) == getattr(expected, name), name


def _beyond_sqlite(exchange: Exchange) -> bool:
    """A status that no integer of SQLite holds: kept as the largest one."""
    return exchange.response is not None and exchange.response.status > 2**63


def test_equal_bodies_are_there_once(store: Store, path: Path) -> None:
    store.add([SAMPLE, with_body(b"overflow"), with_body(b"five stars")])
    store.flush()
    store.add([with_body(b"five stars"), with_body(b"new"), with_body(b"new")])
    store.flush()
    assert count(path, "bodies") == 3
    with Reader(path) as reader:
        bodies = [exchange.request.body.data for exchange in reader.query()]
    assert bodies == [b"five stars", b"overflow", b"five stars", b"five stars", b"new", b"new"]


def test_only_its_owner_may_read_it(store: Store, path: Path) -> None:
    store.add([SAMPLE])
    store.flush()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_few_wait_for_company_but_not_for_long(store: Store, path: Path, clock: Clock) -> None:
    store.add([SAMPLE])
    store.tick()
    assert (store.kept().waiting, ids(path)) == (1, [])
    clock.now += writing.COMMIT_EVERY
    store.tick()
    assert (store.kept().waiting, ids(path)) == (0, ["9f3e"])


def test_the_oldest_go_when_there_are_too_many(path: Path, clock: Clock) -> None:
    with closing(Store(path, Limits(None, None, 3), clock)) as store:
        store.add([with_body(b"old"), with_body(b"kept"), *many(2, response=None)])
        store.add(many(1, 2, response=None))
        kept = store.flush()
        assert (kept.stored, kept.removed) == (5, 2)
        assert ids(path) == ["0000", "0001", "0002"]
        store.add([with_body(b"kept")])
        store.flush()
        with Reader(path) as reader:
            assert reader.holds().removed == 3
    assert count(path, "details") == 3
    assert count(path, "bodies") == 2  # "five stars" and the one that came again


def test_a_body_stays_as_long_as_one_exchange_has_it(path: Path, clock: Clock) -> None:
    with closing(Store(path, Limits(None, None, 2), clock)) as store:
        for data in (b"same", b"a", b"same", b"b", b"c", b"d"):
            store.add([with_body(data)])
            store.flush()
            with Reader(path) as reader:
                newest = list(reader.query())[-1]
            assert newest.request.body.data == data
    assert count(path, "bodies") == 2
    assert count(path, "repeats") == 0


def test_the_oldest_go_when_they_are_too_old(path: Path, clock: Clock) -> None:
    with closing(Store(path, Limits(None, 60.0, None), clock)) as store:
        store.add([*many(2), *many(1, 2, started=clock.now + 100)])
        store.flush()
        assert ids(path) == ["0000", "0001", "0002"]
        clock.now += 61
        store.add(many(1, 3, started=clock.now))
        assert store.flush().removed == 2
        assert ids(path) == ["0002", "0003"]


def test_the_oldest_go_when_the_file_is_too_large(path: Path, clock: Clock) -> None:
    limit = 4 << 20
    with closing(Store(path, Limits(limit, None, None), clock)) as store:
        for at in range(0, 3_000, AT_ONCE):
            store.add(
                sample(id=f"{one:04x}", request=with_body(b"%04d" % one * 512).request)
                for one in range(at, at + AT_ONCE)
            )
            store.flush()
        kept = store.kept()
    assert path.stat().st_size < limit * 1.3
    assert kept.stored == 3_000
    with Reader(path) as reader:
        holds = reader.holds()
        assert (holds.exchanges, holds.removed) == (3_000 - kept.removed, kept.removed)
        assert holds.exchanges > 500
        assert [one.id for one in reader.query(limit=1)] == [f"{2_999:04x}"]


def test_equal_bodies_are_there_once_also_when_their_hashes_were_put_in_order(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies come, go with a limit, and come again, while hashes move now and then."""
    monkeypatch.setattr(bodies, "FRESH", 7)
    given_: list[bytes] = []
    random = Random(0)
    for _ in range(3):  # a writer goes on with what another one has left
        with closing(Store(path, Limits(None, None, 12), clock)) as store:
            for _ in range(40):
                some = [b"%d" % random.randrange(25) for _ in range(random.randrange(1, 5))]
                given_ += some
                store.add(map(with_body, some))
                store.flush()
                with Reader(path) as reader:
                    found = [one.request.body.data for one in reader.query()]
                assert found == given_[-12:]
                assert count(path, "bodies") == len(set(found))
    assert count(path, "hashes") + count(path, "fresh") < 25 + 7


def test_a_store_that_a_limit_has_emptied_begins_anew(path: Path, clock: Clock) -> None:
    for data in (b"first", b"second", b"first"):
        clock.now += 1000
        with closing(Store(path, Limits(None, 60, None), clock)) as store:
            store.add([replace(with_body(data), started=clock.now)])
            store.flush()
            with Reader(path) as reader:
                assert [one.request.body.data for one in reader.query()] == [data]
            clock.now += 1000
            store.add([with_body(b"old")])
            store.flush()
        assert ids(path) == []


def test_a_second_writer_is_refused(store: Store, path: Path) -> None:
    with pytest.raises(StoreError, match=r"tap\.store: another process is writing here"):
        Store(path)


def test_the_next_writer_goes_on_where_the_last_one_ended(path: Path) -> None:
    for at in range(2):
        with closing(Store(path, NO_LIMITS)) as store:
            store.add(many(1, at))
    assert ids(path) == ["0000", "0001"]


def test_a_locked_store_is_tried_again(store: Store, path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.add(many(writing.BATCH))
        kept = store.flush()
        assert (kept.stored, kept.waiting, kept.not_stored) == (0, writing.BATCH, 0)
        assert kept.trouble == f"{path}: locked by another process"
    store.add(many(1, writing.BATCH))
    assert store.kept().stored == 0  # not at once: each try may wait for a lock
    clock.now += writing.RETRY_EVERY
    store.tick()
    kept = store.kept()
    assert (kept.stored, kept.waiting, kept.trouble) == (writing.BATCH + 1, 0, "")
    assert len(ids(path)) == writing.BATCH + 1


def test_beyond_the_limit_of_memory_the_oldest_are_given_up_and_counted(
    store: Store, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_WAITING", 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.add(many(10))
        store.flush()
        store.add(many(5, 10))
        assert (store.kept().waiting, store.kept().not_stored) == (10, 5)
    assert store.flush().stored == 10
    assert ids(path) == [f"{at:04x}" for at in range(5, 15)]
    with Reader(path) as reader:
        assert reader.holds().not_stored == 5


def test_one_that_sqlite_can_not_hold_does_not_stop_the_others(store: Store, path: Path) -> None:
    store._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    store.add([*many(2), with_body(b"x" * 200_000), *many(2, 2)])
    kept = store.flush()
    assert (kept.stored, kept.waiting, kept.not_stored) == (4, 0, 1)
    assert ids(path) == ["0000", "0001", "0002", "0003"]


FULL = """
import resource, signal, sys
from pathlib import Path
from mesh_traffic import Exchange, Request
from tap.store import Store, Limits
store = Store(Path(sys.argv[1]), Limits(None, None, None))
store.add([Exchange("first", "n", Request())])
print(store.flush().stored)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
full = 2 << 20
resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
store.add(Exchange(str(at), "n", Request(), request_id="x" * 9_000) for at in range(400))
kept = store.flush()
print(kept.stored, kept.waiting, kept.trouble.removeprefix(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.close())
"""


def test_a_disk_that_takes_no_more_loses_nothing_that_was_kept(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stderr == ""
    first, full, end = done.stdout.splitlines()
    assert first == "1"
    assert full == "1 400 : the disk does not take it (input/output error)"
    assert end == "Kept(stored=401, waiting=0, not_stored=0, removed=0, trouble='')"
    assert len(ids(path)) == 401


KILLED = """
import sys
from pathlib import Path
from mesh_traffic import Exchange, Request
from tap.store import Store, Limits
store = Store(Path(sys.argv[1]), Limits(None, None, None))
at = 0
while True:
    store.add(Exchange(f"{at + one:06}", "n", Request()) for one in range(100))
    at += 100
    print(store.flush().stored, flush=True)
"""


def test_a_reader_finds_all_that_was_durable_when_the_writer_was_killed(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        for _ in range(20):
            durable = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)  # somewhere in a commit, as likely as not
        durable = max([durable, *map(int, child.stdout.read().split())])
    found = ids(path)
    assert len(found) >= durable >= 2_000
    assert found == [f"{at:06}" for at in range(len(found))]
    with closing(Store(path, NO_LIMITS)) as store:  # and it can be written again
        store.add(many(1))
    assert len(ids(path)) == len(found) + 1


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (3, "written by a newer meshloom, in version 3; this one knows 2"),
        (1, "written by an older meshloom, in version 1; this one knows 2"),
    ],
)
def test_a_store_of_another_version_is_refused_and_left_alone(
    path: Path, version: int, why: str
) -> None:
    with closing(Store(path)) as store:
        store.add([sample(started=4e9)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match=why):
            opening(path)
    assert count(path, "exchanges") == 1


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    text = tmp_path / "notes.txt"
    text.write_text("not a database " * 100)
    for path in (other, text):
        before = path.read_bytes()
        for opening in (Store, Reader):
            with pytest.raises(StoreError, match=rf"{path.name}: no store of meshloom's tap"):
                opening(path)
        assert path.read_bytes() == before
    with pytest.raises(StoreError, match="none: no such store"):
        Reader(tmp_path / "none")
    with pytest.raises(StoreError, match="File exists"):
        Store(text / "tap.store")
