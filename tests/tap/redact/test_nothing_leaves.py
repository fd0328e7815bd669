"""Planted secrets are in no byte of the store, of any export, and of any view."""

from __future__ import annotations

from itertools import count, product
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from mesh_traffic import Exchange, Headers, replace
from tap import lines
from tap.content import decoded
from tap.export import EXPORTS, ExportError
from tap.otlp.attributes import Names
from tap.otlp.reader import Reader
from tap.redact import Redactor
from tap.store import Limits, Store
from tap.store import Reader as StoreReader
from tap.topology import Topology
from tests.tap.otlp.made import CLIENT, INTERNAL, SERVER, logs, pairs, span, traces
from tests.tap.redact.planted import LOOKS, PLACES, opaque

FIELDS = {
    "authorization": "Bearer pl4nted-bearer",
    "cookie": "id=pl4nted-cookie; theme=pl4nted-dark",
    "x-api-key": "pl4nted-key",
}
SECRETS = [*(secret for _, secret in LOOKS.values()), "pl4nted"]


def planted() -> list[Exchange]:
    """Each secret in each place, and secret fields with it."""
    found = []
    for number, (look, place) in enumerate(product(LOOKS, PLACES)):
        one = PLACES[place](LOOKS[look][0])
        headers = Headers((*one.request.headers, *FIELDS.items()))
        request = replace(one.request, headers=headers, authority="reviews")
        found.append(replace(one, id=f"{number:04x}", request=request))
    return [*found, *broken()]


def broken() -> list[Exchange]:
    """HTTP that was none, so its fields are bytes of a socket."""
    head = "".join(f"{name}: {value}\r\n" for name, value in FIELDS.items())
    first = opaque(f"GET / HTTP/9\r\n{head}\r\n".encode(), head.encode())
    return [replace(first, id="broken")]


# Attributes that are read as they are, or are names
TAKEN = (
    "http.route", "peer.service", "error.type", "upstream_cluster", "user_agent.original",
    "server.address", "network.peer.address", "url.path", "node_id", "downstream_cluster",
    "guid:x-request-id", "rpc.method", "http.request.header.x-note", "response_flags",
    "http.response.header.x-note", "db.system", "http.request.method_original", "peer.address",
)  # fmt: skip
SENDER = ("service.name", "service.version", "service.instance.id", "node_name")
HELD = {
    "http.request.header.authorization": "Bearer pl4nted-bearer",
    "http.response.header.set-cookie": "id=pl4nted-cookie",
    "db.statement": "SELECT 'pl4nted'",
    "exception.message": "pl4nted",
}
KINDS = ((SERVER, "GET", ""), (CLIENT, "_OTHER", ""), (CLIENT, "GET", "proxy"), (INTERNAL, "", ""))
URLS = (
    "http://reviews/a?token=pl4nted-query",
    "http://app:pl4nted-password@reviews/",
    "/a?api_key=pl4nted",
)


def told(redact: Redactor) -> list[Exchange]:
    """Each secret in each attribute of spans and records, and in their senders' names."""
    ids = (f"o{number:04x}" for number in count())
    reader = Reader(ids, Names(redact, Topology()), lambda node: False)
    found: list[Exchange] = []
    for name, (text, _) in product((*TAKEN, "name"), LOOKS.values()):
        put = f"/a/{text}" if name == "url.path" else text
        for kind, method, component in KINDS:
            attributes = {"http.request.method": method, "component": component, **HELD, name: put}
            one = span(kind, text if name == "name" else "x", attributes=attributes)
            found += reader.traces(traces(one)).exchanges
        record = LogRecord(attributes=pairs({"method": "GET", name: put}))
        found += reader.logs(logs(record, node_name="edge")).exchanges
    for url in URLS:
        one = span(CLIENT, attributes={"http.method": "GET", "http.url": url})
        found += reader.traces(traces(one)).exchanges
    for name, (text, _) in product(SENDER, LOOKS.values()):
        asked = span(attributes={"http.method": "GET"})
        found += reader.traces(traces(asked, **{name: text})).exchanges
    return [redact(one) for one in found]


@pytest.fixture(scope="module")
def shown() -> list[Exchange]:
    redact = Redactor()
    return [*(redact(one) for one in planted()), *told(redact)]


def leaks(data: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in data.replace(b"\\/", b"/")]


def test_the_store_has_none(shown: list[Exchange], tmp_path: Path) -> None:
    path = tmp_path / "tap.store"
    store = Store(path, Limits(None, None, None))
    store.add(shown)
    assert store.close().stored == len(shown)
    assert leaks(b"".join(file.read_bytes() for file in tmp_path.iterdir())) == []
    with StoreReader(path) as reader:
        kept = reader.by_id(*(one.id for one in shown))
    assert len(kept) == len(shown)
    assert leaks(repr(kept).encode()) == []


@pytest.mark.parametrize("name", EXPORTS)
def test_no_export_has_one(name: str, shown: list[Exchange]) -> None:
    try:
        written = b"".join(EXPORTS[name].write(shown))
    except ExportError as error:
        pytest.skip(str(error))
    assert leaks(written) == []
    assert b"redacted" in written or name == "parquet"


def test_no_view_has_one(shown: list[Exchange]) -> None:
    for one in shown:
        text = "\n".join((lines.line(one), *lines.bodies(one), repr(decoded(one)), repr(one)))
        assert leaks(text.encode()) == [], one.id


def test_they_were_there() -> None:
    seen = "\n".join(repr(decoded(one)) + repr(one) for one in planted())
    assert leaks(seen.encode()) == SECRETS
