"""Asking a store: in SQL first, and never with another answer than the expression's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response
from tap.language.match import Match, read_match
from tap.store import Limits, Reader, Store, StoreError
from tap.store.reader import STEP
from tests.tap.exchanges import SAMPLE, sample

NO_LIMITS = Limits(None, None, None)


def stored(folder: Path, exchanges: list[Exchange]) -> Path:
    path = folder / "tap.store"
    with closing(Store(path, NO_LIMITS)) as store:
        store.add(exchanges)
    return path


VALUES = (
    "reviews",
    "v2",
    "a",
    "''",
    "UO",
    "'circuit breaker'",
    "'^r|u$'",
    "ü",
    "'a b'",
    "'\udc80'",
)
TEXTS = st.sampled_from(VALUES)
FIELDS = ("service", "version", "source", "node", "direction", "route", "cluster", "method")
TEXT_FIELDS = st.sampled_from((*FIELDS, "path", "host", "id", "request_id", "flags", "header x"))
TERM = st.one_of(
    st.builds("{} {} {}".format, TEXT_FIELDS, st.sampled_from(("==", "!=", "~", "!~")), TEXTS),
    st.builds(
        "{} {} {}".format,
        st.sampled_from(("status", "duration", "latency")),
        st.sampled_from(("==", "!=", ">=", "<=", ">", "<")),
        st.sampled_from(("0", "200", "503", "12ms", "100ms", "1s")),
    ),
    st.builds("{} {}".format, st.sampled_from(("~m", "~u", "~d", "~b", "~bq", "~h", "~t")), TEXTS),
    st.sampled_from(("~q", "~s", "~all", "~c 503", "reviews", "://")),
)
EXPRESSION = st.recursive(
    TERM,
    lambda inner: (
        st.builds("({} & {})".format, inner, inner)
        | st.builds("({} | {})".format, inner, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=5,
)


def compiled(expression: str) -> Match | None:
    try:
        return read_match(expression)
    except ValueError:  # `status >= 12ms`
        return None


POOL = ("", "reviews", "v2", "a", "ü", "\udc80", "a b", "12")


def any_of(random: Random, at: int) -> Exchange:
    """One of many exchanges whose fields have few values, so that expressions find something."""

    def text() -> str:
        return random.choice(POOL)

    body = Body(random.choice((b"", b"reviews", b"\xff")))
    headers = Headers(((random.choice("xyz"), text()),))
    request = Request(text(), text(), text(), text(), headers, body)
    response = Response(random.choice((0, 200, 503)), headers, body)
    return Exchange(
        id=text(),
        node=text(),
        request=request,
        response=random.choice((None, response)),
        request_id=text(),
        direction=text(),
        source=Endpoint(text(), text(), text()),
        destination=Endpoint(text(), text(), text()),
        started=float(at),
        duration=random.choice((None, 0.0, 0.012, 0.1, 1.0)),
        route=text(),
        cluster=text(),
        flags=random.choice(((), ("UO",), ("URX", "??"))),
    )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    random = Random(0)
    some = [any_of(random, at) for at in range(120)]
    with Reader(stored(tmp_path_factory.mktemp("any"), some)) as opened:
        yield opened


@pytest.fixture(scope="module")
def everything(reader: Reader) -> list[Exchange]:
    return list(reader.query())


@settings(deadline=None)
@given(EXPRESSION.map(compiled).filter(bool), st.sampled_from((None, 0.0, 50.0)))
def test_sql_never_changes_the_answer(
    reader: Reader, everything: list[Exchange], match: Match, since: float | None
) -> None:
    expected = [one for one in everything if match(one) and one.started >= (since or 0)]
    assert list(reader.query(match, since=since)) == expected
    assert list(reader.query(match, since=since, limit=2)) == expected[-2:]


@pytest.mark.parametrize(
    "expression",
    [
        "service == reviews & status >= 500",
        "latency > 10ms",
        "flags ~ 'circuit breaker'",
        "flags == UO",
        "route == reviews-route & cluster ~ v2$",
        "~m post & ~u reviews/1",
        "status == 503 & header retry-after == 1",
        "(service == ratings | service == reviews) ~b overflow",
    ],
)
def test_it_finds(tmp_path: Path, expression: str) -> None:
    other = sample(
        id="1",
        request=Request("GET", "/", "details"),
        response=None,
        destination=SAMPLE.source,
        duration=0.001,
        route="",
        cluster="",
        flags=(),
    )
    with Reader(stored(tmp_path, [other, SAMPLE, other])) as reader:
        assert list(reader.query(read_match(expression))) == [SAMPLE]


def test_the_newest_come_in_their_order_and_a_time_can_be_named(tmp_path: Path) -> None:
    number = 3 * STEP
    exchanges = [sample(id=str(at), started=1000.0 + at) for at in range(number)]
    with Reader(stored(tmp_path, exchanges)) as reader:
        assert [one.id for one in reader.query(limit=2)] == [str(number - 2), str(number - 1)]
        assert [one.id for one in reader.query(limit=number)] == [str(at) for at in range(number)]
        assert list(reader.query(limit=0)) == []
        assert [one.id for one in reader.query(since=1000.0, until=1001.0)] == ["0", "1"]
        holds = reader.holds()
        assert (holds.exchanges, holds.first, holds.last) == (number, 1000.0, 999.0 + number)


def test_bodies_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    with Reader(stored(tmp_path, [SAMPLE])) as reader:
        (bare,) = reader.query(bodies=False)
        assert (bare.request.body.data, bare.request.body.size) == (b"", 10)
        (asked,) = reader.query(read_match("~b stars"), bodies=False)
        assert asked == SAMPLE


def test_many_terms_are_more_than_sqlite_would_take(tmp_path: Path) -> None:
    with Reader(stored(tmp_path, [SAMPLE])) as reader:
        for sign in (" & ", " | "):
            assert list(reader.query(read_match(sign.join(["~s"] * 390)))) == [SAMPLE]
        nested = "(~s | " * 25 + "~q" + ")" * 25
        assert list(reader.query(read_match(nested))) == [SAMPLE]


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "tap.store", NO_LIMITS)) as store:
        store.add([SAMPLE] * (STEP + 10))
        store.flush()
        with Reader(store.path) as reader:
            slow = reader.query()
            next(slow)
            store.add([SAMPLE])
            assert store.flush().trouble == ""
            assert sum(1 for _ in slow) == STEP + 9  # as it was when it was asked
            assert sum(1 for _ in reader.query()) == STEP + 11
            assert reader.holds().exchanges == STEP + 11


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, [SAMPLE])
    for rest in ("x", "[1]", "1 1", "9 9 9 9 9 9 9 9 9\0a\0b"):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE details SET rest = ?", (rest.encode(),))
        with Reader(path) as reader, pytest.raises(StoreError, match="exchange 1 is damaged"):
            list(reader.query())
    path.write_bytes(path.read_bytes()[:20_000] + b"\xff" * 100_000)
    with pytest.raises(StoreError, match=r"tap\.store: "), Reader(path) as reader:
        list(reader.query())
