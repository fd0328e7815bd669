"""Real servers behind a filter: what they answer, how long it takes, and that nobody listens."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.services.real_service import service_at
from wasm_filters.services.upstream import REFUSED, Answer


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(201)
        self.send_header("x-host", self.headers["host"])
        self.send_header("x-sent", self.headers["x-a"])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_server_gets_the_request_and_its_answer_comes_back(port: int) -> None:
    headers = Headers.of({"x-a": "1", "content-length": "99"})
    request = Request("POST", "/", "shop", headers=headers, body=Body(b"abc"))
    answer = service_at(f"http://127.0.0.1:{port}")(request)
    assert isinstance(answer, Answer)
    assert isinstance(answer.response, Response)
    assert (answer.response.status, answer.response.body.data) == (201, b"cba")
    assert answer.response.headers.get("x-host") == "shop"
    assert answer.response.headers.get("x-sent") == "1"
    assert 0 < answer.after < 5


def test_where_nobody_listens_the_connection_is_refused() -> None:
    with socket.socket() as bound:  # and never listening
        bound.bind(("127.0.0.1", 0))
        assert service_at(f"http://127.0.0.1:{bound.getsockname()[1]}")(Request()) == REFUSED


@pytest.mark.parametrize("url", ["", "localhost:80", "https://a:1", "http://a:1/path", "http://:1"])
def test_what_is_no_address_of_a_server_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="expected http://HOST:PORT"):
        service_at(url)
