"""The same requests through a filter here and in a real Envoy: both must make the same of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.rig import Exchanged
from tests.wasm_filters.real_envoy import Fields, WasmFilter, envoy_with_filters
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome

ANSWER = Response(
    200,
    Headers.of({"content-length": "2", "date": "now", "server": "up", "x-powered-by": "x"}),
    Body(b"ok"),
)


@dataclass(frozen=True)
class Sent:
    """A request; its fields come after host and before content-length."""

    fields: Fields
    path: str = "/"
    method: str = "GET"
    body: bytes = b""

    def request(self) -> Request:
        """As a filter sees it behind Envoy's HTTP connection manager."""
        lengths = [("content-length", str(len(self.body)))] if self.body else []
        fields = Headers.of([*self.fields, *lengths, ("x-forwarded-proto", "http")])
        return Request(self.method, self.path, "test", "http", fields, Body(self.body))


@dataclass(frozen=True)
class InEnvoy:
    """What Envoy made of each request, and what the filter logged meanwhile."""

    exchanged: dict[str, Exchanged]
    logs: list[str]


def through_envoy(
    folder: Path, wasm: Path, configuration: str, sent: Mapping[str, Sent]
) -> InEnvoy:
    """The upstream answers ANSWER."""
    filters = {"filter": WasmFilter(wasm.read_bytes(), configuration)}
    with envoy_with_filters(folder, filters, ANSWER) as envoy:
        found = {
            name: envoy.request("filter", one.method, one.path, one.fields, one.body)
            for name, one in sent.items()
        }
    return InEnvoy(found, envoy.logs("filter"))


def through(filter_: Filter, sent: Sent) -> Outcome:
    """The upstream answers ANSWER."""
    return filter_.handle(sent.request(), lambda request: ANSWER)


def assert_the_same(here: Outcome, there: Exchanged) -> None:
    """Status, fields in their order and body, for the client and for the upstream."""
    answer = there.received.message
    assert answer is not None
    assert here.response is not None
    assert answer.status == here.status
    assert answer.body == here.response.body.data
    added = {"date", "connection"} if here.local_reply else set()
    got = [pair for pair in answer.headers if pair[0].lower() not in added]
    assert got == list(here.response.headers)
    if here.request is None:
        assert there.upstream == ()
    else:
        (seen,) = there.upstream
        assert list(seen.headers) == [("host", "test"), *here.request.headers]
        assert seen.body == here.request.body.data
