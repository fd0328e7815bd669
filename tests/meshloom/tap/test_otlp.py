"""Services that are instrumented with OpenTelemetry, in a mesh that takes their spans."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.meshloom.command import Up, get, inside, up, write
from tests.meshloom.tap.stored import tap

# Passes on the trace context, and no x-request-id.
SERVICE = """
import http.server, os, sys, urllib.request
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
tracer, kinds = provider.get_tracer("service"), trace.SpanKind

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host, port = self.client_address
        told = {"http.request.method": "GET", "url.path": self.path.partition("?")[0],
                "url.query": "token=pl4nted", "http.response.status_code": 200,
                "network.peer.address": host, "network.peer.port": port}
        start = tracer.start_as_current_span
        with start("GET", extract(dict(self.headers)), kinds.SERVER, told), start("work"):
            with start("SELECT things", kind=kinds.CLIENT,
                       attributes={"db.system.name": "sqlite", "db.query.text": "pl4nted"}):
                pass
            self.call(os.environ[sys.argv[1].upper() + "_URL"] + "/of/" + sys.argv[1])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def call(self, url):
        told = {"http.request.method": "GET", "url.full": url}
        with tracer.start_as_current_span("GET", kind=kinds.CLIENT, attributes=told) as span:
            headers = {}
            inject(headers)
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                span.set_attribute("http.response.status_code", answer.status)

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
MESH = """
mesh:
  services:
    web: {{ingress: true, calls: [api], run: "{run} api"}}
    api: {{calls: [db], run: "{run} db"}}
    db:
"""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, runtime: Path) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("traced")
    (folder / "service.py").write_text(SERVICE)
    run = f"exec {sys.executable} {folder}/service.py"
    with up(write(folder, MESH.format(run=run), "traced.yaml"), "--otlp", "0") as mesh:
        mesh.ready()
        yield mesh


def ready(mesh: Up) -> dict[str, Any]:
    return next(event for event in mesh.seen if event["event"] == "ready")


def tree_of(path: str, size: int, *more: str) -> str:
    """The tree of the request for ``path``, when it has so many lines."""
    asked = f"path ~ ^{path} & node == ingress"
    end = time.monotonic() + 10
    while True:
        told = tap("query", "--mesh", "traced", "--json", asked)
        if told.out:
            told = tap("tree", "--mesh", "traced", json.loads(told.out)["id"], *more)
        if told.out.count("\n") >= size or time.monotonic() > end:
            return told.out
        time.sleep(0.1)


def test_a_request_through_envoys_and_instrumented_services_is_one_tree(traced: Up) -> None:
    assert get(ready(traced)["services"]["web"]["ingress"] + "/page").status == 200
    ways = re.findall("^.*? → [a-z0-9.]+", tree_of("/page", 9), re.MULTILINE)
    assert ways == [
        "ingress → web",
        "└─ inbound → web",
        "   ├─ web → sqlite",
        "   └─ web → 127.0.0.1",
        "      └─ web → api",
        "         └─ inbound → api",
        "            ├─ api → sqlite",
        "            └─ api → 127.0.0.1",
        "               └─ api → db",
    ]


def test_its_queries_are_steps_and_nothing_secret_is_in_any_of_it(traced: Up) -> None:
    get(ready(traced)["services"]["web"]["ingress"] + "/json?token=pl4nted")
    told = tree_of("/json", 1, "--json")
    end = time.monotonic() + 10
    while told.count('"SELECT things"') < 2 and time.monotonic() < end:
        told = tree_of("/json", 1, "--json")
    assert told.count('"SELECT things"') == 2
    assert "pl4nted" not in told
    assert "pl4nted" not in tap("query", "--mesh", "traced", "--json").out
    assert "SELECT" not in tap("query", "--mesh", "traced", "--json").out


def test_its_trace_is_a_field_of_filters(traced: Up) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    url = ready(traced)["services"]["web"]["ingress"] + "/filtered"
    get(url, traceparent=f"00-{trace_id}-b7ad6b7169203331-01")
    tree_of("/filtered", 9)
    found = tap("query", "--mesh", "traced", f"trace == {trace_id}", "--json").out.splitlines()
    assert len(found) == 10  # six by Envoys, four by the services


def test_where_spans_are_taken_is_told_with_the_other_addresses(traced: Up) -> None:
    otlp = ready(traced)["otlp"]
    assert otlp.keys() == {"grpc", "http"}
    assert all(url.startswith("http://127.0.0.1:") for url in otlp.values())


def test_a_port_that_is_taken_is_bad_input(traced: Up) -> None:
    port = ready(traced)["otlp"]["grpc"].rpartition(":")[2]
    done = inside("up", "--otlp", port, "--for", "1s")
    assert done.code == 2
    assert done.err == f"meshloom: --otlp {port}: 127.0.0.1:{port}: Address already in use\n"
