"""``meshloom debug replay``, on stored captures: to a server, through a filter, and refused."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesh_traffic import Body, Exchange, Headers, replace
from tap.redact import Redactor
from tests.debugger.replay.captures import GET, having
from tests.meshloom.command import MESHLOOM, Done, inside
from tests.meshloom.tap.stored import store

pytestmark = pytest.mark.usefixtures("alone")

POST = replace(
    having(("content-type", "application/json"), body=b'{"a": 1}'), id="0010", request_id="x"
)
POST = replace(POST, request=replace(POST.request, method="POST"))


class Answers(BaseHTTPRequestHandler):
    came: list[tuple[str, dict[str, str], bytes]] = []  # the fixture empties it

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        fields = {name.lower(): value for name, value in self.headers.items()}
        self.came.append((f"{self.command} {self.path}", fields, self.rfile.read(length)))
        self.send_response_only(200)
        self.send_header("server", "envoy")
        self.send_header("content-length", "1")
        self.end_headers()
        self.wfile.write(b"b" if "x-other" in fields else b"a")

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        """Nothing: standard error is looked at."""


@pytest.fixture
def url() -> Iterator[str]:
    Answers.came.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def replay(*arguments: str | Path) -> Done:
    return inside("debug", "replay", *arguments)


def test_the_same_answer_is_told_as_such(url: str) -> None:
    store(GET)
    done = replay("000f", "--to", url)
    assert (done.code, done.err) == (0, "")
    first, to, left_out, answered, differs, id_ = done.out.splitlines()
    assert first == "000f   ingress → web v1   GET /page?x=1   200   12 ms"
    assert to == f"  sent to    {url}, {url.removeprefix('http://')}"
    assert left_out == "  left out   x-forwarded-for, x-forwarded-proto, traceparent"
    assert answered.startswith("  answered   200   ")
    assert differs == "  differs    nothing"
    ((line, fields, _),) = Answers.came
    assert line == "GET /page?x=1"
    assert id_ == f"  id         x-request-id {fields['x-request-id']}"
    assert fields["x-request-id"] != GET.request_id


def test_one_thing_changed_and_what_came_of_it(url: str) -> None:
    store(GET)
    done = replay(
        "000f", "--to", url, "--set", "X-Other=1", "--remove", "accept", "--path", "/y", "--mark",
        "--set", "host=shop",
    )  # fmt: skip
    assert (done.code, done.err) == (1, "")
    assert "  changed    x-other set, host set, accept removed, path set\n" in done.out
    assert "  differs    body line 1   a → b\n" in done.out
    ((line, fields, _),) = Answers.came
    assert (line, fields["x-other"], fields["host"]) == ("GET /y", "1", "shop")
    assert fields["x-meshloom-replay-of"] == "000f"
    assert "accept" not in fields
    assert replay("000f", "--to", url, "--set", "x-other=1", "--ignore", "body").code == 0


def test_as_json_and_many_times(url: str) -> None:
    store(GET)
    done = replay("000f", "--to", url, "--times", "3", "--json", "--set", "x-other=1")
    found = json.loads(done.out)
    assert (done.code, found["id"], found["status"]) == (1, "000f", 200)
    assert len({each["request_id"] for each in found["replays"]}) == 3
    assert found["replays"][0]["differences"] == [
        {"part": "body", "at": "line 1", "before": "a", "after": "b"}
    ]
    assert found["spread"]["statuses"] == {"200": 3}
    told = replay("000f", "--to", url, "--times", "3").out
    assert "  3 times    200 ×3\n" in told
    assert "  differ     none\n" in told


def test_what_is_not_idempotent_is_asked_for_first(url: str) -> None:
    store(POST)
    done = replay("0010", "--to", url)
    assert (done.code, done.out, Answers.came) == (2, "", [])
    assert done.err == (
        "meshloom debug replay: POST /page?x=1 is not idempotent: it may do something again;"
        " say --yes to send it\n"
    )
    assert replay("0010", "--to", url, "--yes").code == 0
    assert replay("0010", "--to", url, "--yes", "--body", "text").code == 0
    assert [body for *_, body in Answers.came] == [b'{"a": 1}', b"text"]
    assert replay("0010", "--to", url, "--method", "GET").code == 0  # nothing to ask


@pytest.mark.parametrize(("said", "code", "sent"), [("n\n", 2, 0), ("y\n", 0, 1)])
def test_on_a_terminal_a_question_is_asked(url: str, said: str, code: int, sent: int) -> None:
    store(POST)
    ours, theirs = pty.openpty()
    os.write(ours, said.encode())
    command = [*MESHLOOM, "debug", "replay", "0010", "--to", url]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=30)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, len(Answers.came)) == (code, sent)
    assert "it may do something again\nsend? [y/N] " in done.stderr
    assert done.stdout.startswith("0010 " if sent else "")


def test_a_host_that_is_not_this_machine_is_asked_for() -> None:
    store(GET)
    done = replay("000f", "--to", "http://192.0.2.1")
    assert done.code == 2
    assert "192.0.2.1 is not this machine: the request leaves it; say --yes to send it" in done.err


def test_secrets_are_given_anew_or_left_out(url: str) -> None:
    secret = having(("authorization", "Bearer abcdefghijkl"), ("accept", "*/*"))
    store(Redactor()(secret))
    done = replay("000f", "--to", url)
    assert (done.code, Answers.came) == (2, [])
    assert "masked in the capture: authorization; give each with --set" in done.err
    assert replay("000f", "--to", url, "--set", "authorization=Bearer mine-abcdefg").code == 0
    assert Answers.came[0][1]["authorization"] == "Bearer mine-abcdefg"
    assert "mine" not in replay("000f", "--to", url, "--set", "authorization=mine-abcdefgh").out
    Answers.came.clear()
    assert replay("000f", "--to", url, "--remove", "authorization").code == 0
    assert "authorization" not in Answers.came[0][1]


@pytest.mark.parametrize(
    ("exchange", "arguments", "said"),
    [
        (GET, ("zz",), "no exchange and no request with id zz"),
        (GET, ("000f",), "no mesh is running; start one with 'meshloom up'"),
        (GET, ("000f", "--set", "x"), "expected NAME=VALUE, got 'x'"),
        (GET, ("000f", "--set", "a b=1"), "--set a b: no header that HTTP can carry"),
        (GET, ("000f", "--ignore", "tims"), "--ignore: unknown rule 'tims'; did you mean 'times'?"),
        (GET, ("000f", "--body", "@/none"), "--body @/none: No such file or directory"),
        (GET, ("000f", "--to", "ftp://x"), "000f: expected http://HOST:PORT"),
        (GET, ("000f", "--to", "http://localhost:1", "--as-test", "-"), "goes with --to live"),
        (GET, ("000f", "--to", "wasm:none"), "none: can't be read"),
        (
            replace(GET, sources=("access log",)),
            ("000f", "--to", "http://localhost:1"),
            "000f: headers and bodies were not captured",
        ),
        (
            having(body=b"x", cut=True),
            ("000f", "--to", "http://localhost:1"),
            "000f: the request's body was cut off: 1 of 100 bytes were kept",
        ),
        (
            replace(GET, response=None),
            ("000f", "--to", "wasm:meshloom:header_policy"),
            "000f: no response was captured, so nothing answers behind the filter",
        ),
    ],
)
def test_bad_input_is_told(exchange: Exchange, arguments: tuple[str, ...], said: str) -> None:
    store(exchange)
    done = replay(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_server_that_is_gone_is_a_difference() -> None:
    store(GET)
    done = replay("000f", "--to", "http://127.0.0.1:1")
    assert done.code == 1
    assert "  answered   not: cannot connect to host 127.0.0.1:1" in done.out
    assert "  differs    response   200 → –\n" in done.out


def test_through_a_filter_and_its_test(tmp_path: Path) -> None:
    store(GET)
    config = tmp_path / "config.json"
    config.write_text('{"response": {"set": {"x-filter": "yes"}}}')
    file = tmp_path / "tests.yaml"
    filter_ = ("--to", "wasm:meshloom:header_policy", "--config", config)
    done = replay("000f", *filter_, "--as-test", file)
    assert (done.code, done.err) == (1, f"test written to {file}\n")
    assert done.out.splitlines()[1].startswith("  through    meshloom:header_policy   200   ")
    assert done.out.splitlines()[2] == "  differs    header x-filter   – → yes"
    assert inside("wasm", "test", file).code == 0
    config.write_text("{}")
    found = json.loads(replay("000f", *filter_, "--json").out)
    assert (found["same"], found["status"], found["local_reply"]) == (True, 200, False)
    assert file.stat().st_mode & 0o077 == 0


def test_nothing_that_a_terminal_obeys() -> None:
    evil = having(("x-\x1b[2J", "1"), ("accept", "\x1b[2J"))
    evil = replace(evil, id="\x1b[2J", node="\x1b[2J", cluster="\x07")
    store(replace(evil, id="000f", response=replace(GET.response, body=Body(b"\x1b[2J"))))  # type: ignore[type-var]
    for to in ("http://127.0.0.1:1", "wasm:meshloom:header_policy"):
        done = replay("000f", "--to", to, "--set", "x-\x07=\x1b")
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out + done.err


def test_fields_of_a_capture_are_headers_of_the_answer_s_kind(url: str) -> None:
    store(replace(GET, response=replace(GET.response, headers=Headers.of({"server": "other"}))))  # type: ignore[type-var]
    assert "  differs    header server   other → envoy\n" in replay("000f", "--to", url).out
