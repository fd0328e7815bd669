"""The oracle for ``envoy_resolve_dns``: names that no machine answers in its own way, in both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from mesh_traffic import Headers, Request
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.log import logged
from mini_mesh.filter_rig.rig import open_rig
from mini_mesh.filter_rig.upstream import EMPTY_OK
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import CALLBACKS, LAST_STREAM, Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.properties import Resolved, Surroundings
from wasm_filters.worker import Worker

IN_HEADERS, RESOLVED = "proxy_on_request_headers", "envoy_on_resolve_dns"
GET = Request("GET", "/", "test", headers=Headers.of({"x-forwarded-proto": "http"}))
OUTSIDE = 0xFFFF_FFF0
THE_ANSWER = [
    Call("proxy_get_buffer_bytes", [8, 0, 200, Out.TEXT], "answer"),
    Call("proxy_get_buffer_status", [8, Out.NUMBER, 12], "size"),
]
EFFECTIVE = Call("proxy_set_effective_context", [LAST_STREAM], "effective")
REPLY = Call("proxy_send_local_response", [403, b"", b"no", b"", -1], "reply")
GO_ON = Call("proxy_continue_stream", [0], "continue")


def resolves(name: bytes) -> Call:
    return Call("envoy_resolve_dns", [name, Out.NUMBER], f"resolve {name.decode()}")


@dataclass(frozen=True)
class Scenario:
    calls: Mapping[str, Sequence[Call]]
    answers: Mapping[str, int] = field(default_factory=dict)
    hears: bool = True
    traps: frozenset[str] = frozenset()

    def code(self, name: str) -> bytes:
        """Another module for each, so that no two share a VM."""
        more = {RESOLVED: (3, False)} if self.hears else {}
        mark = f'(func (export "{name}"))'
        return Probe(
            self.calls, self.answers, {**CALLBACKS, **more}, "0.2.1", self.traps, mark
        ).code()


def asks(*names: bytes) -> Scenario:
    return Scenario({IN_HEADERS: [resolves(name) for name in names], RESOLVED: THE_ANSWER})


PAUSE = {IN_HEADERS: 1}
SCENARIOS = {
    "addresses": asks(b"127.0.0.1", b"::1", b"10.1.2.3", b"2001:DB8::0:7"),
    "dotted_in_the_end": asks(b"::ffff:1.2.3.4", b"::1.2.3.4", b"::1:80", b"64:ff9b::1.2.3.4"),
    "a_zone": asks(b"fe80::1%lo", b"fe80::1%1"),
    "localhost": asks(b"localhost", b"a.localhost"),
    "no_names": asks(b"1.2.3.4:80", b"[::1]", b"a b", b"caf\xc3\xa9"),
    "bad_pointers": Scenario(
        {
            IN_HEADERS: [
                Call("envoy_resolve_dns", [OUTSIDE, 100, 8], "name outside"),
                Call("envoy_resolve_dns", [0, 2, OUTSIDE], "token outside"),
                resolves(b"::1"),
            ]
        }
    ),
    "nobody_listens": Scenario({IN_HEADERS: [resolves(b"127.0.0.1")]}, hears=False),
    "at_configuration": Scenario(
        {"proxy_on_configure": [resolves(b"127.0.0.1")], RESOLVED: THE_ANSWER}
    ),
    "a_reply_inside": Scenario({IN_HEADERS: [resolves(b"::1")], RESOLVED: [EFFECTIVE, REPLY]}),
    "a_reply_inside_and_a_pause": Scenario(
        {IN_HEADERS: [resolves(b"::1")], RESOLVED: [EFFECTIVE, REPLY]}, PAUSE
    ),
    "a_trap_inside": Scenario(
        {IN_HEADERS: [resolves(b"::1"), resolves(b"::1"), GO_ON]}, traps=frozenset({RESOLVED})
    ),
    "a_trap_inside_and_a_pause": Scenario(
        {IN_HEADERS: [resolves(b"::1")]}, PAUSE, traps=frozenset({RESOLVED})
    ),
    "going_on_inside_and_a_pause": Scenario(
        {IN_HEADERS: [resolves(b"::1")], RESOLVED: [EFFECTIVE, GO_ON]}, PAUSE
    ),
}  # fmt: skip


def here(name: str, code: bytes) -> list[str]:
    """What is logged from the start on; None of these asks for time."""
    worker = Worker()
    filter_ = Filter(Module.of(code), PluginConfig(name), worker)
    started = [log.message for log in worker.journal.logs]
    worker.journal.logs.clear()
    outcome = filter_.handle(GET, lambda request: EMPTY_OK, patience=1)
    return [f"{outcome.status}", *started, *(log.message for log in outcome.logs)]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """In Envoy; of the start what the worker's VM said, which is the last of three starts."""
    codes = {name: each.code(name) for name, each in SCENARIOS.items()}
    chains = {name: [WasmFilter(code, PluginConfig(name))] for name, code in codes.items()}

    async def all_of_them() -> dict[str, list[str]]:
        found = {}
        folder = tmp_path_factory.mktemp("envoy")
        async with open_rig(needs_envoy(), Layout(chains), folder) as rig:
            for name in SCENARIOS:
                exchanged = await rig.exchange(name, GET, patience=1)
                answered = exchanged.received.message
                status = "None" if answered is None else f"{answered.status}"
                found[name] = [status, *(s.message for s in logged(exchanged.lines, [name]))]
        return found

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_name_is_resolved_alike_in_both(there: dict[str, list[str]], name: str) -> None:
    status, *said = here(name, SCENARIOS[name].code(name))
    begins = next(i for i, line in enumerate(said) if line.startswith("proxy_on_context_create (1"))
    assert [status, *said[begins:]] == there[name]


def test_an_address_is_told_while_the_hostcall_runs() -> None:
    started = here("n", SCENARIOS["at_configuration"].code("n"))
    assert started.index("envoy_on_resolve_dns (2 20 ") < started.index(
        "proxy_on_context_create (1 "
    )


def scripted(names: dict[str, Resolved], *asked: bytes) -> tuple[list[str], list[str]]:
    """What is told, and what the host says of it."""
    worker = Worker(surroundings=Surroundings(names=names))
    filter_ = Filter(Module.of(asks(*asked).code("n")), PluginConfig("n"), worker)
    logs = list(filter_.handle(GET, patience=0).logs)
    worker.advance(1)
    told = [log.message for log in (*logs, *worker.journal.logs)]
    return [line for line in told if "resolve_dns answer" in line], worker.journal.warnings


def test_a_script_answers_for_names() -> None:
    names = {
        "both": Resolved(("10.0.0.1", "fd00::1", "fd00::2"), ttl=5),
        "late": Resolved(("10.0.0.1",), after=0.5),
        "lost": Resolved(failed=True),
    }
    told, warned = scripted(names, b"late", b"both", b"lost")
    v6 = r"\02\00\00\00\05\00\00\00\05\00\00\00[fd00::1]:0\00[fd00::2]:0\00"
    v4 = r"\01\00\00\00\00\00\00\0010.0.0.1:0\00"
    answers = [v6, "", v4]
    assert told == [f"envoy_on_resolve_dns answer=0 {each}" for each in answers]
    assert warned == []


def test_a_name_without_a_script_is_not_there() -> None:
    told, warned = scripted({}, b"nowhere.test")
    assert told == [r"envoy_on_resolve_dns answer=0 \00\00\00\00"]
    assert "'nowhere.test' has no addresses here" in warned[0]


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an IPv4 or IPv6 address .*, got 'fe80::1%lo'"):
        Resolved(("10.0.0.1", "fe80::1%lo"))
