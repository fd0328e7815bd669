"""curl and HTTPie: run by a real shell against a real server, which gets the same request."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request
from tap.export.commands import write_curl, write_httpie
from tests.tap.exchanges import EXCHANGE, SAMPLE, TEXT, sample

CURL, HTTPIE = shutil.which("curl"), shutil.which("http")
TOOLS = [
    pytest.param(
        write_curl,
        marks=pytest.mark.skipif(CURL is None, reason="curl is not installed"),
        id="curl",
    ),
    pytest.param(
        write_httpie,
        marks=pytest.mark.skipif(HTTPIE is None, reason="HTTPie is not installed"),
        id="httpie",
    ),
]
SH = "/bin/sh"


@dataclass
class Got:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


class Recorder(BaseHTTPRequestHandler):
    """Keeps what it got."""

    protocol_version = "HTTP/1.1"
    got: list[Got]

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.raw_requestline.split(b" ")[1].decode("latin-1")
        self.got.append(Got(self.command, path, self.headers.items(), body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The tests tell enough."""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[Got]]]:
    got: list[Got] = []
    handler = type("Handler", (Recorder,), {"got": got})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{listening.server_address[1]}", got
        listening.shutdown()


def run(script: bytes, folder: Path) -> None:
    done = subprocess.run(
        [SH], input=script, cwd=folder, capture_output=True, timeout=30, env=environment(folder)
    )
    assert (done.returncode, done.stderr) == (0, b""), script
    assert list(folder.glob("pwned*")) == [], script


def environment(folder: Path) -> dict[str, str]:
    """Without the user's own configuration of the tools."""
    import os

    return {"PATH": os.environ["PATH"], "HOME": str(folder), "HTTPIE_CONFIG_DIR": str(folder)}


REQUESTS = {
    "plain": SAMPLE.request,
    "get": Request("GET", "/", "reviews", headers=Headers.of({"accept": "a/b"})),
    "head": Request("HEAD", "/x", "reviews"),
    "put": Request("PUT", "/a?b=[1-3]&c={x,y}", "reviews", body=Body(b"@not-a-file")),
    "binary": Request("POST", "/%41/../b", "a", body=Body(bytes(range(256)) * 3)),
    "large": Request("POST", "/", "a", body=Body(b"x%\\'" * 100_000)),
    "own method": Request("PURGE", "/", "a"),
    "shell": Request(
        "POST",
        "/$(touch${IFS}pwned1)?'`touch$IFS'pwned2`",
        "a",
        headers=Headers.of(
            {
                "x-quote": "'; touch pwned3; '",
                "x-substitution": "$(touch pwned4) `touch pwned5` \\",
                "x-file": "@/etc/hostname",
                "x-json": "=1",
                "x-raw": ":=@/etc/hostname",
                "x-empty": "",
                "x-option": "--output pwned6",
            }
        ),
        body=Body(b"'; touch pwned7; '$(touch pwned8)\n%s %n \\c -"),
    ),
}


@pytest.mark.parametrize("write", TOOLS)
@pytest.mark.parametrize("name", REQUESTS)
def test_the_server_gets_the_same_request(
    write: Any, name: str, server: tuple[str, list[Got]], tmp_path: Path
) -> None:
    address, got = server
    request = REQUESTS[name]
    got.clear()
    run(b"".join(write([sample(request=request, destination=Endpoint(address=address))])), tmp_path)
    (found,) = got
    path = unquote(found.path) if write is write_httpie and "%" not in request.path else found.path
    assert (found.method, path) == (request.method, request.path)  # HTTPie escapes as URLs want it
    assert found.body == request.body.data
    headers = sorted((n.lower(), v) for n, v in found.headers if n.lower() != "content-length")
    assert headers == sorted(
        [("host", request.authority), *((n.lower(), v) for n, v in request.headers)]
    )


def test_what_can_not_be_sent_is_named() -> None:
    fields = (("bad name", "1"), ("x", "1\r\ny: 2"))
    request = Request("GET", "/", "a", headers=Headers(fields), body=Body(b"a", True, 9))
    text = b"".join(write_curl([sample(request=request)])).decode()
    assert "# not sent, for no HTTP/1.1 client can: header 'bad name'\n" in text
    assert "# not sent, for no HTTP/1.1 client can: header 'x'\n" in text
    assert "# body cut off: 1 of 9 bytes were kept\n" in text
    request = Request("GET", "/", "a", headers=Headers.of({"x": "\\:"}))
    text = b"".join(write_httpie([sample(request=request)])).decode()
    assert "# HTTPie can't be told a backslash before one of @=:; in header 'x'\n" in text
    text = b"".join(write_curl([sample(request=Request("", ""))])).decode()
    assert text.endswith("\n# no request that can be sent: method ''\n\n")
    assert "\ncurl" not in text


@settings(deadline=None)
@given(st.builds(sample, request=st.builds(Request, st.just("GET"), TEXT, TEXT)) | EXCHANGE)
def test_any_capture_is_comments_and_one_command(exchange: Exchange) -> None:
    for write, tool in ((write_curl, "curl"), (write_httpie, "http")):
        text = b"".join(write([exchange])).decode("utf-8", "surrogateescape")
        lines = text.rstrip("\n").split("\n")
        while lines and lines[0].startswith("# "):
            lines.pop(0)
        words = shlex.split("\n".join(lines).replace(" \\\n  ", " "))
        if words and words[0] == "printf":
            assert words[2] == "|"
            words = words[3:]
        assert words[:1] in ([], [tool])
        assert not any("\n" in word or "\0" in word for word in words)


def test_a_shell_takes_all_of_a_file_as_written() -> None:
    hostile = sample(id="1\n$(touch pwned)", request=REQUESTS["shell"])
    script = b"".join([*write_curl([hostile] * 3), *write_httpie([hostile])])
    done = subprocess.run([SH, "-n"], input=script, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert script.count(b"\ncurl ") + script.count(b"|\\\n  curl") + script.count(b"  curl ") == 3
