"""The schema of a store, and how a file of it is opened (a door to SQLite, with ``writer``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 2  # 2: the trace of an exchange
APPLICATION = 0x6D657368  # "mesh": what tells a store from other SQLite files
PAGE = 16_384  # bytes; a body of 2 KiB leaves a third of a page of 4 KiB empty
BUSY = 0.1  # seconds to wait for a lock: the hub's loop waits as well

_SETTINGS = {
    "journal_mode": "WAL",  # readers and the writer don't wait for each other
    "synchronous": "NORMAL",  # durable against a kill; what a power cut takes is whole commits
    "wal_autocheckpoint": (8 << 20) // PAGE,
    "journal_size_limit": 16 << 20,
    "cache_size": -32_000,  # KiB
    "busy_timeout": round(BUSY * 1000),
}

# ``id`` of a body: twice the ``seq`` of the first exchange that has it, and one more for a
# response's. ``trace`` is a trace's id, of a tracer or of the request's header, NULL without one.
# ``repeats.last`` is the last ``seq`` that has it, of bodies that came again.
SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE places (
    id INTEGER PRIMARY KEY, node TEXT, direction TEXT, source TEXT, source_version TEXT,
    service TEXT, version TEXT, route TEXT, cluster TEXT,
    UNIQUE (node, direction, source, source_version, service, version, route, cluster)
);
CREATE TABLE exchanges (
    seq INTEGER PRIMARY KEY, place INTEGER, started REAL, duration REAL, status INTEGER, flags TEXT,
    id TEXT, request_id TEXT, method TEXT, scheme TEXT, authority TEXT, path TEXT, trace BLOB
);
CREATE INDEX answers ON exchanges (place, status);
CREATE TABLE details (
    seq INTEGER PRIMARY KEY, rest BLOB, request_body INTEGER, response_body INTEGER
);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE hashes (hash BLOB PRIMARY KEY, id INTEGER) WITHOUT ROWID;
CREATE TABLE fresh (hash BLOB PRIMARY KEY, id INTEGER) WITHOUT ROWID;
CREATE TABLE repeats (id INTEGER PRIMARY KEY, last INTEGER);
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER);
INSERT INTO counts VALUES ('removed', 0), ('not_stored', 0);
"""


class StoreError(Exception):
    """A file is no store, is one of another version, or can't be read; the message says which."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """The store at ``path``, made if it is not there, readable by its owner only.

    Raises StoreError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(0o600)  # SQLite gives its other files the same mode
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    with errors_of(path):
        connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        with _closed_on_error(connection):
            connection.execute(f"PRAGMA page_size = {PAGE}")
            _make(connection, path)
            for setting, value in _SETTINGS.items():
                connection.execute(f"PRAGMA {setting} = {value}")
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """The store at ``path``, which may be written meanwhile. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with errors_of(path):
        connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
        with _closed_on_error(connection):
            _check(connection, path)
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """SQLite's errors inside become a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {in_words(error)}") from error


def in_words(error: sqlite3.Error) -> str:
    """What went wrong, for people."""
    name = getattr(error, "sqlite_errorname", "")
    for start, words in _WORDS.items():
        if name.startswith(start):
            return words
    return str(error)


_WORDS = {
    "SQLITE_BUSY": "locked by another process",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk does not take it (input/output error)",
    "SQLITE_NOTADB": "no store of meshloom's tap",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_CANTOPEN": "can't be opened",
    "SQLITE_READONLY": "can't be written",
}


def _make(connection: sqlite3.Connection, path: Path) -> None:
    """Fill an empty file; another writer may do the same at the same time."""
    connection.execute("BEGIN IMMEDIATE")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
    connection.execute("COMMIT")
    _check(connection, path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StoreError(f"{path}: no store of meshloom's tap")
    if version != VERSION:
        age = "a newer" if version > VERSION else "an older"
        raise StoreError(
            f"{path}: written by {age} meshloom, in version {version}; this one knows {VERSION}"
        )
