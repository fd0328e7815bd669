"""What the three programs share: a server on $PORT, and a call to the next one. No dependencies."""

import os
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def call(name: str) -> str:
    """What the service answers whose address stands in the environment."""
    with urllib.request.urlopen(os.environ[f"{name.upper()}_URL"] + "/", timeout=10) as answer:
        return str(answer.read().decode())


def serve(text: Callable[[], str]) -> None:
    """Answer every GET with ``text()``, until the process is ended."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the tap shows every request."""

    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
