"""Files with requests become cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from mesh_traffic import Exchange, Request, Response
from mini_mesh.differ.sources import SourceError, read_cases
from tap.live.wire import exchange_to_json

HAR = {"log": {"entries": [{"request": {"method": "GET", "url": "http://x/har", "headers": []}}]}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.http").write_text("GET /one\n###\nGET /two\n")
    (tmp_path / "b.har").write_text(json.dumps(HAR))
    (tmp_path / "c.json").write_text(json.dumps(HAR))
    with (tmp_path / "d.flow").open("wb") as file:
        FlowWriter(file).add(tflow.tflow(resp=True))
    tapped = [
        Exchange("1", "web", Request(path="/tapped", authority="web"), Response(418)),
        Exchange("2", "web", Request("CONNECT", "x:443", "x:443")),
    ]
    lines = [json.dumps(exchange_to_json(each)) for each in tapped]
    (tmp_path / "e.jsonl").write_text("\n".join(lines))
    (tmp_path / "README.md").write_text("not a request")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_names(folder: Path) -> None:
    cases = read_cases(folder)
    assert [case.place for case in cases] == [
        "a.http:1",
        "a.http:3",
        "b.har: entry 1",
        "c.json: entry 1",
        "d.flow: entry 1",
        "e.jsonl: entry 1",
    ]
    assert [case.request.path for case in cases[:3]] == ["/one", "/two", "/har"]


def test_a_captured_response_is_what_the_upstream_answers(folder: Path) -> None:
    (case,) = read_cases(folder / "e.jsonl")
    assert (case.request.path, case.answer.status) == ("/tapped", 418)
    (case,) = read_cases(folder / "d.flow")
    assert case.answer.body.data == b"message"


def test_without_a_response_it_answers_200(folder: Path) -> None:
    case = read_cases(folder / "a.http")[0]
    assert (case.answer.status, case.answer.headers.get("content-length")) == (200, "0")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.har", None, "none.har: No such file or directory"),
        ("a.txt", "", "a.txt: ends with '.txt', expected one of .flow, "),
        ("a.http", "nonsense", "a.http:1: expected a path or an absolute URL, got 'nonsense'"),
        ("a.har", "{}", "a.har: log: expected something, got nothing"),
        ("a.har", '{"log": {"entries": []}}', "a.har: no requests in it"),
        ("a.flow", "nonsense", "a.flow: after 0 flows: Invalid data format"),
        ("a.jsonl", '{"id": 1}', "a.jsonl:1: expected a line of 'meshloom tap --json', got"),
    ],
)
def test_bad_files_are_told_with_their_place(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SourceError) as caught:
        read_cases(tmp_path / name)
    assert message in str(caught.value)


def test_a_folder_without_requests_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no requests in it, expected one of"):
        read_cases(tmp_path)
