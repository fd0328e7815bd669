"""Workloads of a mesh that does not run: one small HTTP server stands for all of them."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.placement import Placement, needs

Placed = Callable[[Draft], Placement]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers 401 at /deny, else 200, and what it got."""

    def do_GET(self) -> None:
        fields = [[name, value] for name, value in self.headers.items()]
        body = json.dumps({"path": self.path, "headers": fields}).encode()
        self.send_response(401 if self.path == "/deny" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="session")
def placed() -> Iterator[Placed]:
    """Where everything in a mesh is: at one server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        port = server.server_port
        yield lambda draft: Placement({need.key: port for need in needs(draft.mesh)})
        server.shutdown()
        thread.join()
