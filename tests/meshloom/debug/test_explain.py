"""``meshloom debug explain``, of a real mesh, as a process would see it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh_traffic import Trace
from tests.meshloom.command import Done, Up, get, inside, up, write
from tests.meshloom.tap.stored import store
from tests.tap.exchanges import sample

MESH = """
name: shop
mesh:
  services:
    web: {calls: [api], ingress: true}
    api: {versions: {v1: , v2: }}
patterns:
  - {pattern: canary, on: api, weights: {v1: 90, v2: 10}}
"""


@pytest.fixture(scope="module")
def running(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, Path]]:
    file = write(tmp_path_factory.mktemp("shop"), MESH, "shop.yaml")
    with up(file) as mesh:
        mesh.state = mesh.ready()  # type: ignore[attr-defined] # for the tests
        yield mesh, file


def captured(mesh: Up, path: str) -> str:
    """The id of a request to api that has been stored."""
    url = mesh.state["services"]["api"]["url"]  # type: ignore[attr-defined] # see running
    get(f"{url}{path}")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        done = inside("tap", "query", f"~u {path}", "--mesh", "shop", "--json")
        for line in done.out.splitlines():
            found: dict[str, Any] = json.loads(line)
            if found["direction"] == "outbound":
                return str(found["id"])
        time.sleep(0.1)
    raise AssertionError("it was not stored")


def explain(*arguments: str | Path) -> Done:
    return inside("debug", "explain", *arguments, "--mesh", "shop")


def test_a_captured_request_is_explained_with_its_lines(running: tuple[Up, Path]) -> None:
    mesh, file = running
    done = explain(captured(mesh, "/first"))
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0].startswith("GET /first at ingress outbound, 127.0.0.1:")
    assert f"virtual host api host '{lines[0].rpartition(' ')[2]}' (exact) {file}:6:5" in lines
    assert any(line.startswith("cluster api/v") and "of 100" in line for line in lines)
    assert lines[-1] == "derived and observed agree"


def test_after_a_change_it_is_explained_by_what_was_served_then(running: tuple[Up, Path]) -> None:
    mesh, file = running
    old = captured(mesh, "/second")
    write(file.parent, MESH.replace("{v1: 90, v2: 10}", "{v1: 0, v2: 100}"), "shop.yaml")
    mesh.until("in_effect")
    done = explain(old, "--json")
    found = json.loads(done.out)
    assert found["agree"] is True
    assert found["served"]["until"] is not None
    assert "which was served then; another is now" in " ".join(found["notes"])
    (way,) = found["derived"]["ways"]
    assert [each["name"] for each in way["clusters"]] == ["api/v1", "api/v2"]
    new = json.loads(explain(captured(mesh, "/third"), "--json").out)
    assert [each["name"] for each in new["derived"]["ways"][0]["clusters"]] == ["api/v2"]


def test_a_request_that_was_not_sent_is_explained(running: tuple[Up, Path]) -> None:
    done = explain("--request", "GET /x", "-H", "x-user: bob", "--at", "web", "--to", "api")
    assert done.code == 0, done.err
    assert "nothing was sent" in done.out.splitlines()[-1]
    assert "api/v" in done.out
    inbound = explain("--request", "GET /x", "--at", "api/v2", "--json")
    assert json.loads(inbound.out)["node"] == "api-v2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "wanted an ID or --request, one of the two"),
        (("1", "--request", "GET /"), "wanted an ID or --request, one of the two"),
        (("1", "--at", "web"), "--at, --to and --header are for --request"),
        (("--request", "GET /"), "--request needs --at"),
        (("--request", "GET", "--at", "web"), "expected METHOD PATH"),
        (("--request", "GET /\x00", "--at", "web"), "expected METHOD PATH"),
        (("--request", "G(T /", "--at", "web"), "expected METHOD PATH"),
        (("--request", "GET /", "-H", "a b: c", "--at", "web"), "expected name:value"),
        (("--request", "GET /", "-H", "a: \n", "-H", ": b", "--at", "web"), "expected name:value"),
        (("--request", "GET /", "--at", "wbe"), "no service 'wbe'; did you mean 'web'?"),
        (("no-such-id",), "no exchange with id no-such-id"),
    ],
)
def test_bad_input_is_said(
    running: tuple[Up, Path], arguments: tuple[str, ...], message: str
) -> None:
    done = explain(*arguments)
    assert done.code == 2, done.out
    assert message in done.err


def test_what_a_mesh_that_is_gone_was_served_is_not_pretended(running: tuple[Up, Path]) -> None:
    mesh, _ = running
    last = captured(mesh, "/last")
    mesh.stop()
    done = explain(last)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-2:] == [
        "note: what the node was served then is not remembered any more: nothing is derived",
        "nothing could be derived, so nothing is compared",
    ]


@pytest.mark.usefixtures("alone")
def test_a_span_that_a_tracer_told_of_was_decided_by_no_envoy() -> None:
    store(sample(id="5a", trace=Trace("1" * 32, "2" * 16, kind="server")))
    done = inside("debug", "explain", "5a")
    assert done.code == 2
    assert done.err.endswith("5a is a span that a tracer told of: no Envoy decided about it\n")
