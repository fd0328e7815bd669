"""``meshloom tap read``: files that Envoys wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.meshloom.tap.stored import tap

TRACES = Path(__file__).parents[2] / "tap" / "data" / "buffered.traces"

pytestmark = pytest.mark.usefixtures("alone")


def test_a_dump_becomes_lines_without_its_secrets() -> None:
    done = tap("read", TRACES)
    assert done.code == 0
    assert ["GET /a" in done.out, "POST /b" in done.out, "/no-host" in done.out] == [True] * 3
    assert done.err == "3 traces of 1 files   0 errors\n"
    as_json = tap("read", TRACES, "--json", "--match", "path == /a")
    (one,) = map(json.loads, as_json.out.splitlines())
    assert one["request"]["path"] == "/a"
    assert "s3cr3t-cookie" not in as_json.out


def test_what_is_read_into_a_store_can_be_asked_for(tmp_path: Path) -> None:
    store = tmp_path / "read.tap"
    done = tap("read", TRACES, "--into", store)
    assert (done.code, done.out) == (0, "")
    assert f"3 exchanges in {store}" in done.err
    assert len(tap("query", "--store", store).out.splitlines()) == 3


def test_junk_is_named_with_its_place_and_the_rest_is_read(tmp_path: Path) -> None:
    junk = tmp_path / "junk.json"
    junk.write_bytes(b"{\n nonsense\n}\n" + TRACES.read_bytes())
    done = tap("read", junk)
    assert done.code == 1
    assert f"{junk}:0: " in done.err
    assert "GET /a" in done.out


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = tap("read", tmp_path / "none.json")
    assert done.code == 1
    assert f"{tmp_path / 'none.json'}" in done.err
