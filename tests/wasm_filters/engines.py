"""The same probes in both engines, here and in a real Envoy, and what each call answered."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out, Probe
from tests.wasm_filters.real_envoy import (
    PATIENCE,
    TYPE,
    Adapt,
    RealEnvoy,
    WasmFilter,
    envoy_with_filters,
)
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.properties import PLAIN, Surroundings
from wasm_filters.upstream import Upstream
from wasm_filters.worker import Worker

UP = replace(PLAIN, cluster_name="up")  # as real_envoy configures it
ANSWER = Response(
    200,
    Headers.of({"content-length": "3", "date": "now", "server": "up", "x-r": "r1"}),
    Body(b"abc"),
)
CONNECTION_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3"
CHUNKED = ("transfer-encoding", "chunked")
_LINE = re.compile(r"(\S+) (.*?)=(\d+) (.*)")
_ESCAPED = re.compile(rb"\\([0-9a-f]{2})")


@dataclass(frozen=True)
class Answered:
    """What one call in one callback answered; ``value`` None if nothing was handed over."""

    callback: str
    label: str
    status: int
    value: bytes | None

    def __str__(self) -> str:
        return f"{self.callback} {self.label}: {self.status} {self.value!r}"


Results = dict[str, tuple[list[Answered], list[Answered]]]


@dataclass(frozen=True)
class Scenario:
    """A probe, the request that goes through it, and what surrounds it here."""

    probe: Probe
    request: Request = field(default_factory=lambda: Request("GET", "/hello?q=1&b=2", "test"))
    surroundings: Surroundings = UP
    upstream: Upstream = lambda request: ANSWER
    times: int = 1  # requests, one after another on one connection (in Envoy)
    tls: ssl.SSLContext | None = None


def prop(path: str | bytes) -> Call:
    """``proxy_get_property``; dots part the segments of a text."""
    raw = path if isinstance(path, bytes) else path.replace(".", "\0").encode()
    return Call("proxy_get_property", [raw, Out.TEXT], raw.replace(b"\0", b".").decode())


def foreign(name: str, arguments: bytes = b"", label: str = "") -> Call:
    return Call("proxy_call_foreign_function", [name.encode(), arguments, Out.TEXT], label or name)


def set_property(name: bytes, value: bytes) -> Call:
    label = f"set {name.decode()} {value!r}"
    return Call("proxy_set_property", [name, value], label.replace("\0", "."))


def answers(lines: Sequence[str]) -> list[Answered]:
    """The calls among the lines that a probe logged."""
    found = (_LINE.fullmatch(line) for line in lines)
    return [_answered(*match.groups()) for match in found if match]


def _answered(callback: str, label: str, status: str, value: str) -> Answered:
    data = None if value == "~" else _ESCAPED.sub(_byte, value.encode("latin-1"))
    return Answered(callback, label, int(status), data)


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes([int(match.group(1), 16)])


def both(
    folder: Path,
    scenarios: Mapping[str, Scenario],
    adapt: Adapt = lambda bootstrap: None,
    response: bytes | None = None,
) -> Results:
    """For each scenario what its requests answered here, and in one Envoy for all."""
    filters = {name: WasmFilter(each.probe.code()) for name, each in scenarios.items()}
    filters["warm"] = WasmFilter(Probe({}).code())
    wire = response if response is not None else wire_response(ANSWER)
    with envoy_with_filters(folder, filters, wire, adapt) as envoy:
        envoy.request("warm")  # so that there is an upstream connection
        for name, each in scenarios.items():
            _send(envoy, name, each)
    return {
        name: (answers(_here(name, each)), answers(envoy.logs(name)))
        for name, each in scenarios.items()
    }


def _here(name: str, scenario: Scenario) -> list[str]:
    worker = Worker(surroundings=scenario.surroundings)
    filter_ = Filter(Module.of(scenario.probe.code()), PluginConfig(name=name), worker)
    filter_.chain.connect()
    worker.journal.logs.clear()
    lines: list[str] = []
    for _ in range(scenario.times):
        outcome = filter_.handle(scenario.request, scenario.upstream)
        assert outcome.failure is None, outcome.failure
        lines += [log.message for log in outcome.logs]
    return lines


def _send(envoy: RealEnvoy, name: str, scenario: Scenario) -> None:
    """The requests over one connection, until each is answered or nothing more comes."""
    held = socket.create_connection(("127.0.0.1", envoy.ports[name]), timeout=PATIENCE)
    if scenario.tls is not None:
        held = scenario.tls.wrap_socket(held, server_hostname="server.test")
    with held:
        for _ in range(scenario.times):
            held.sendall(wire_request(scenario.request))
            held.settimeout(PATIENCE)
            data = held.recv(65536)
            while data and not _is_whole(data):
                data += held.recv(65536)


def _is_whole(data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if length is not None:
        return len(body) >= int(length.group(1))
    return b"\r\n0\r\n" in data and data.endswith(b"\r\n\r\n")


def wire_request(request: Request) -> bytes:
    head = f"{request.method} {request.path} HTTP/1.1\r\nhost: {request.authority}\r\n"
    fields = [field for field in request.headers if field[0] != "x-forwarded-proto"]  # Envoy's own
    if request.trailers:
        fields.append(CHUNKED)
    return _message(head, fields, request.body.data, list(request.trailers))


def wire_response(response: Response) -> bytes:
    head = f"HTTP/1.1 {response.status} OK\r\n"
    return _message(head, list(response.headers), response.body.data, list(response.trailers))


def _message(
    head: str, fields: Sequence[tuple[str, str]], body: bytes, trailers: Sequence[tuple[str, str]]
) -> bytes:
    head += "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    if CHUNKED not in fields:
        return head.encode() + body
    last = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return head.encode() + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, last.encode())


def manager(bootstrap: dict[str, Any], name: str) -> dict[str, Any]:
    """The connection manager in front of one filter."""
    listener = next(x for x in bootstrap["static_resources"]["listeners"] if x["name"] == name)
    config: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return config


def listeners(bootstrap: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bootstrap["static_resources"]["listeners"]
    return found


def with_trailers(bootstrap: dict[str, Any]) -> None:
    """Let HTTP/1.1 trailers through, both ways."""
    options = {"http_protocol_options": {"enable_trailers": True}}
    for each in listeners(bootstrap):
        each["filter_chains"][0]["filters"][0]["typed_config"].update(options)
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    for cluster in bootstrap["static_resources"]["clusters"]:
        cluster["typed_extension_protocol_options"] = {
            kind: {"@type": TYPE + kind, "explicit_http_config": options}
        }
