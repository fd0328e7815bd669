"""The same probes in both engines, here and in a real Envoy, and what each call answered."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.plain_envoy import Adapt
from tests.wasm_filters.plain_http import envoy_with_filters, request_bytes, response_bytes
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.properties import PLAIN, Surroundings
from wasm_filters.services.upstream import Upstream
from wasm_filters.worker import Worker

UP = replace(PLAIN, cluster_name="up")  # as plain_http configures it
ANSWER = Response(
    200,
    Headers.of({"content-length": "3", "date": "now", "server": "up", "x-r": "r1"}),
    Body(b"abc"),
)
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
    """A probe, the request that goes through it, ``times`` over one connection, and what surrounds
    it here."""

    probe: Probe
    request: Request = field(default_factory=lambda: Request("GET", "/hello?q=1&b=2", "test"))
    surroundings: Surroundings = UP
    times: int = 1
    tls: ssl.SSLContext | None = None
    upstream: Upstream | None = None  # here, instead of the one that answers all scenarios alike


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
    answer: Response = ANSWER,
) -> Results:
    """For each scenario what its requests answered here, and in one Envoy for all; the upstream
    gives ``answer``. Under ``""`` is what all of Envoy's root contexts answered."""
    codes = {name: each.probe.code() for name, each in scenarios.items()}
    warm = {"warm": Probe({}).code()}
    with envoy_with_filters(folder, {**codes, **warm}, response_bytes(answer), adapt) as envoy:
        envoy.send("warm", request_bytes(Request("GET", "/", "test")))  # opens what goes upstream
        for name, each in scenarios.items():
            envoy.send(name, request_bytes(each.request), each.times, each.tls)
    results = {
        name: (answers(_here(name, each, codes[name], answer)), answers(envoy.logs(name)))
        for name, each in scenarios.items()
    }
    return {**results, "": ([], answers(envoy.logs("")))}


def _here(name: str, scenario: Scenario, code: bytes, answer: Response) -> list[str]:
    worker = Worker(surroundings=scenario.surroundings)
    filter_ = Filter(Module.of(code), PluginConfig(name=name), worker)
    filter_.chain.connect()
    worker.journal.logs.clear()
    lines: list[str] = []
    for _ in range(scenario.times):
        upstream = scenario.upstream or (lambda request: answer)
        outcome = filter_.handle(scenario.request, upstream)
        assert outcome.failure is None, outcome.failure
        lines += [log.message for log in outcome.logs]
    return lines
