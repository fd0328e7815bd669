"""Files of traces: those of a real Envoy in every format, and hostile ones."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Exchange
from tap.sources.files import (
    BINARY,
    DELIMITED,
    JSON,
    JSON_LINES,
    MAX_PROBLEMS,
    TEXT,
    Report,
    format_of,
    read_files,
)
from tap.traces.decode import MAX_TRACE_BYTES
from tests.tap.conftest import Envoy, free_port, listener

FORMATS = (
    "JSON_BODY_AS_BYTES",
    "JSON_BODY_AS_STRING",
    "PROTO_BINARY",
    "PROTO_BINARY_LENGTH_DELIMITED",
    "PROTO_TEXT",
)
BODY = b"one\n}\ntwo \xff\x00"
DATA = Path(__file__).parents[1] / "data"


def tapping(folder: Path, form: str, streamed: bool) -> dict[str, Any]:
    sink = {"format": form, "file_per_tap": {"path_prefix": str(folder / "tap")}}
    output = {"streaming": streamed, "sinks": [sink]}
    return {"static_config": {"match": {"any_match": True}, "output_config": output}}


@pytest.fixture(scope="module")
def written(envoy: Envoy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each format and kind, made by one Envoy with a listener for each."""
    root = tmp_path_factory.mktemp("taps")
    other = Envoy(envoy.binary, root, envoy.upstream)
    config = json.loads((root / "envoy.json").read_text())
    listeners, ports = [], []
    for form in FORMATS:
        for streamed in (False, True):
            folder = root / f"{form}-{streamed}"
            folder.mkdir()
            made = deepcopy(listener(folder.name, free_port()))  # they share their filters
            (filters,) = made["filter_chains"][0]["filters"]
            tap = filters["typed_config"]["http_filters"][0]["typed_config"]
            tap["common_config"] = tapping(folder, form, streamed)
            listeners.append(made)
            ports.append(made["address"]["socket_address"]["port_value"])
    config["static_resources"]["listeners"] = listeners
    (root / "envoy.json").write_text(json.dumps(config))
    other.start()
    try:
        for port in ports:
            for path, data in (("/get?q=1", None), ("/post", BODY), ("/big", None)):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data) as answer:
                    answer.read()
    finally:
        other.kill()
    return root


def read(*paths: Path) -> tuple[list[Exchange], Report]:
    report = Report()
    return list(read_files(paths, report)), report


@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("form", FORMATS)
def test_what_envoy_writes_is_read(written: Path, form: str, streamed: bool) -> None:
    found, report = read(written / f"{form}-{streamed}")
    assert (report.files, report.errors, report.problems) == (3, 0, [])
    big, get, post = sorted(found, key=lambda exchange: exchange.request.path)
    assert [each.request.path for each in (big, get, post)] == ["/big", "/get?q=1", "/post"]
    assert (post.request.method, post.status, post.sources) == ("POST", 200, ("tap",))
    if form != "JSON_BODY_AS_STRING":  # Envoy leaves out what is no text
        assert post.request.body.data == BODY
    assert post.response is not None
    assert post.response.headers.get("set-cookie", "") == "session=s3cr3t-cookie; Path=/; HttpOnly"
    assert big.response is not None
    body = big.response.body
    assert (body.data, body.truncated, body.size) == (b"x" * 1024, True, 20_000)
    assert abs(get.started - time.time()) < 60
    assert (get.duration is None) == streamed
    assert (get.source.address == "") == streamed


def test_a_dump_of_the_admin_tap_is_read(tmp_path: Path) -> None:
    for kind in ("buffered", "streamed"):
        found, report = read(DATA / f"{kind}.traces")
        assert report.errors == 0
        assert len(found) > 0
    compact = tmp_path / "dump"
    traces = (DATA / "buffered.traces").read_text().replace("\n}\n", "\n}\n\0").split("\0")
    compact.write_text("".join(json.dumps(json.loads(one)) + "\n" for one in traces if one))
    assert len(read(compact)[0]) == len(read(DATA / "buffered.traces")[0])


@pytest.mark.parametrize("form", ["PROTO_BINARY", "PROTO_BINARY_LENGTH_DELIMITED", "PROTO_TEXT"])
def test_a_file_is_known_without_its_suffix(written: Path, tmp_path: Path, form: str) -> None:
    for number, path in enumerate((written / f"{form}-False").iterdir()):
        (tmp_path / f"{number}.bin").write_bytes(path.read_bytes())
    found, report = read(*tmp_path.iterdir())
    assert (len(found), report.errors) == (3, 0)


def test_the_format_is_told_by_the_name_first() -> None:
    assert format_of(".pb", b"{") is BINARY
    assert format_of(".json", b"{\n") is JSON
    assert format_of(".json", b'{"http') is JSON_LINES
    assert format_of(".log", b" {\r\n") is JSON
    assert format_of("", b"http_buffered_trace {\n") is TEXT
    assert format_of("", b"\x0a\x80") is BINARY
    assert format_of("", b"\x7a\x0a") is DELIMITED
    assert format_of("", b"\x80\x01\x0a") is DELIMITED
    assert format_of("", b"hello") is None


def test_junk_is_counted_with_file_and_offset_and_the_rest_is_read(tmp_path: Path) -> None:
    data = (DATA / "buffered.traces").read_bytes()
    whole = len(read(DATA / "buffered.traces")[0])
    path = tmp_path / "a.json"
    path.write_bytes(data + b"{\n]\n}\n" + data + b'{\n "cut')
    found, report = read(path)
    assert (len(found), report.errors) == (2 * whole, 2)
    assert report.problems[0].startswith(f"{path}:{len(data)}: no trace: ")
    assert report.problems[1] == f"{path}:{2 * len(data) + 6}: a trace cut off"


def test_a_last_line_feed_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes((DATA / "buffered.traces").read_bytes().rstrip())
    found, report = read(path)
    assert (len(found), report.errors) == (len(read(DATA / "buffered.traces")[0]), 0)


def test_after_junk_in_a_binary_file_the_rest_is_not_guessed(written: Path, tmp_path: Path) -> None:
    one = next((written / "PROTO_BINARY-False").iterdir()).read_bytes()
    path = tmp_path / "a.pb"
    path.write_bytes(one + b"\xffjunk" + one)
    found, report = read(path)
    assert len(found) == 1
    wanted = f"{path}:{len(one)}: a byte 0xff where a trace begins; the rest is not read"
    assert report.problems == [wanted]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a", b"hello"),
        ("a", b"\xff" * 100),
        ("a.pb", b"\x12\xff\xff\xff\xff\xff\xff"),
        ("a.pb", b"\x12\x05ab"),
        ("a.pb_length_delimited", b"\x05abcde"),
        ("a.pb_text", b"a" * 100),
        ("a.pb_text", b"http_buffered_trace {\n" * 3000 + b"}\n"),
        ("a.json", b"[" * 100_000 + b"\n}\n"),
        ("a.json", b"\0" * 100),
        ("a.json", b'{\n "\\u001b[31m": 1\n}\n'),
        ("a.pb_text", b"http_buffered_trace {\n  " + b"a" * 100_000 + b": 1\n}\n"),
        ("a.json", b" " * (MAX_TRACE_BYTES + 2)),
    ],
)
def test_a_hostile_file_is_one_problem(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found, report = read(path)
    assert (found, report.errors) == ([], 1)
    assert report.problems[0].startswith(f"{path}:")
    assert report.problems[0].isprintable()
    assert len(report.problems[0]) < len(str(path)) + 300


def test_what_is_no_file_is_a_problem_and_the_next_one_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.json").write_bytes(b"")
    paths = (tmp_path / "pipe", tmp_path / "missing", tmp_path / "empty.json")
    found, report = read(*paths, DATA / "buffered.traces")
    assert len(found) > 0
    assert report.problems == [
        f"{tmp_path / 'pipe'}: expected a file",
        f"{tmp_path / 'missing'}: expected a file",
    ]


def test_many_problems_are_counted_and_the_first_ones_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{\n}\n" * 5000)
    report = read(path)[1]
    assert (report.errors, len(report.problems)) == (5000, MAX_PROBLEMS)


@settings(max_examples=150)
@given(
    name=st.sampled_from(("a.json", "a.pb", "a.pb_length_delimited", "a.pb_text", "a")),
    at=st.integers(0, 3000),
    junk=st.binary(max_size=6),
)
def test_a_damaged_file_never_raises(
    written: Path, tmp_path_factory: pytest.TempPathFactory, name: str, at: int, junk: bytes
) -> None:
    form = {"a.pb": FORMATS[2], "a.pb_length_delimited": FORMATS[3], "a.pb_text": FORMATS[4]}
    folder = written / f"{form.get(name, FORMATS[0])}-True"
    whole = min(folder.iterdir()).read_bytes()
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    found, report = read(path)
    assert len(found) <= 8
    assert (report.files, len(report.problems)) == (1, min(report.errors, MAX_PROBLEMS))
