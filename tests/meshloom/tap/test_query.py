"""``meshloom tap query`` on a store of a mesh that has ended."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
import typer

from meshloom.tap.options import moment
from tap.store import Limits
from tests.meshloom.command import MESHLOOM
from tests.meshloom.tap.stored import GET, store, tap
from tests.tap.exchanges import SAMPLE, sample

pytestmark = pytest.mark.usefixtures("alone")


def test_a_line_for_each_that_matches_and_how_many_there_are() -> None:
    store()
    done = tap("query", "service == reviews & flags ~ 'circuit breaker' & latency > 10ms")
    assert (done.code, done.err) == (0, "1 of 2 stored shown\n")
    assert "productpage v1 → reviews v2    POST /reviews/1?full=1   503" in done.out
    assert "UO circuit breaker open" in done.out
    assert tap("query").out.count("\n") == 2
    assert tap("query", "route", "==", "none").out == ""


def test_json_and_bodies() -> None:
    store()
    done = tap("query", "--json", "-n", "1")
    assert json.loads(done.out)["request"]["body"]["text"] == "five stars"
    done = tap("query", "~m POST", "--body")
    assert "    | five stars\n    response body, 8 of 4,096 bytes, text\n" in done.out


def test_a_time_can_be_named() -> None:
    store()
    when = datetime.fromtimestamp(SAMPLE.started - 60).isoformat()
    assert "id 9f3e" in tap("query", "--since", when).out
    assert "id a1" not in tap("query", "--since", when).out
    assert "id 9f3e" not in tap("query", "--until", when).out
    assert tap("query", "--since", "10m").out == ""


NOON = datetime(2026, 1, 31, 12).astimezone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 1, 31, 11, 58, 30)),
        ("11:05", datetime(2026, 1, 31, 11, 5)),
        ("2026-01-30", datetime(2026, 1, 30)),
        ("2026-01-30T10:00:00+00:00", datetime.fromisoformat("2026-01-30T10:00:00+00:00")),
    ],
)
def test_what_a_time_means(text: str, expected: datetime) -> None:
    assert moment(text, "--since", NOON) == expected.timestamp()


def test_a_time_that_is_none() -> None:
    for text in ("yesterday", "25:00", "", "-1m"):
        with pytest.raises(typer.BadParameter, match="expected a time such as 10m, 14:05 or"):
            moment(text, "--since", NOON)


def test_what_is_not_there_is_told() -> None:
    store(*(sample(id=str(at)) for at in range(12)), limits=Limits(None, None, 10))
    assert tap("query", "-n", "3").err == "3 of 10 stored shown   2 older removed\n"


def test_a_wrong_filter_shows_its_place() -> None:
    store()
    done = tap("query", "status >= lots")
    assert (done.code, done.out) == (2, "")
    assert done.err == "\n".join(
        ["meshloom tap: 'lots' is no whole number", "  status >= lots", "            ^", ""]
    )


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    done = tap("query", "--store", tmp_path / "none")
    assert (done.code, done.err) == (2, f"meshloom tap: {tmp_path / 'none'}: no such store\n")
    done = tap("query")
    assert done.code == 2
    assert done.err.startswith("meshloom: nothing is stored in ")


def test_a_file_can_be_named_and_options_go_behind_the_command(tmp_path: Path) -> None:
    path = store()
    moved = path.rename(tmp_path / "mine")
    assert tap("query", "--store", moved).out.count("\n") == 2
    done = tap("--body", "query")
    assert (done.code, "options go behind 'query'" in done.err) == (2, True)


def test_a_reader_that_leaves_is_no_error() -> None:
    store(*[GET] * 5_000)
    command = [*MESHLOOM, "tap", "query"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"id a1" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
