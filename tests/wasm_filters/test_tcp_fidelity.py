"""The oracle for network filters: the same connection here and in a real Envoy, step by step.

Equal must be: the callbacks with their arguments, each hostcall's status and value, the bytes that
reach either end, and how each end sees the connection end. All scenarios share one Envoy.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.wasm_filters.engines import UP, prop, set_property
from tests.wasm_filters.probe import NETWORK_CALLBACKS, Call, Out, Probe
from tests.wasm_filters.real_tcp import End, NetworkFilter, TcpEnvoy, envoy_before_tcp
from wasm_filters.config import FailurePolicy, PluginConfig
from wasm_filters.module import Module
from wasm_filters.properties.attributes import BY_NAME
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.tcp.connection import TcpConnection
from wasm_filters.worker import Worker

DOWNSTREAM, UPSTREAM = 2, 3
ENDLESS = 0xFFFF_FFFF
FIRST_STOPS = """(if (result i32) (i32.eqz (global.get $seen))
    (then (global.set $seen (i32.const 1)) (i32.const 1)) (else (i32.const 0)))"""
SEEN = "(global $seen (mut i32) (i32.const 0))"

Step = tuple[str, bytes]
CLIENT, SERVER = "client sends", "upstream sends"
CLIENT_ENDS, SERVER_ENDS = ("client ends", b""), ("upstream ends", b"")
CLIENT_RESETS, SERVER_RESETS = ("client resets", b""), ("upstream resets", b"")
TALK: tuple[Step, ...] = ((CLIENT, b"hello"), (SERVER, b"world!!"), CLIENT_ENDS, SERVER_ENDS)


def looks(kind: int) -> list[Call]:
    return [
        Call("proxy_get_buffer_status", [kind, Out.NUMBER, 12], f"size {kind}"),
        Call("proxy_get_buffer_bytes", [kind, 0, 99, Out.TEXT], f"bytes {kind}"),
    ]


BOTH = [*looks(DOWNSTREAM), *looks(UPSTREAM)]
EVERYWHERE = {
    name: BOTH
    for name in NETWORK_CALLBACKS
    if name.startswith("proxy_on_") and name not in ("proxy_on_vm_start", "proxy_on_configure")
}


def sets(kind: int, start: int, size: int, data: bytes) -> Call:
    return Call("proxy_set_buffer_bytes", [kind, start, size, data], f"set {kind} {start} {size}")


def closes(stream: int) -> Call:
    return Call("proxy_close_stream", [stream], f"close {stream}")


def continues(stream: int) -> Call:
    return Call("proxy_continue_stream", [stream], f"continue {stream}")


@dataclass(frozen=True)
class Scenario:
    calls: dict[str, list[Call]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = TALK
    traps: frozenset[str] = frozenset()
    policy: FailurePolicy = FailurePolicy.FAIL_CLOSED
    extra: str = ""

    def code(self, name: str) -> bytes:
        """The name makes it another module, which Envoy does not give another's VM."""
        probe = Probe(
            self.calls,
            self.answers,
            traps=self.traps,
            extra=f'{self.extra} (func (export "{name}"))',
            callbacks=NETWORK_CALLBACKS,
        )
        return probe.code()

    @property
    def plugin(self) -> dict[str, Any]:
        if self.policy is FailurePolicy.LEGACY_FAIL_OPEN:
            return {"fail_open": True}
        return {"failure_policy": self.policy.value}


DATA = {"proxy_on_downstream_data": BOTH, "proxy_on_upstream_data": BOTH}
ODD = [
    Call("proxy_get_header_map_pairs", [0, Out.TEXT], "pairs"),
    Call("proxy_get_header_map_value", [0, b"x", Out.TEXT], "value"),
    Call("proxy_send_local_response", [403, b"d", b"", b"", -1], "reply"),
    *(Call("proxy_get_buffer_status", [t, Out.NUMBER, 12], f"size {t}") for t in (0, 1, 4, 6, 7)),
    sets(0, 0, 0, b"x"),
    *(continues(kind) for kind in (0, 1, 3, 9)),
]
# ports, times and ids are their own on each side
VARIES = re.compile(
    r"(source|destination|upstream)\.(port|address|local_address)|request\.time"
    r"|connection\.id|upstream\.cx_pool_ready_duration|xds\.node"
)
ATTRIBUTES = [prop(name) for name in BY_NAME if not VARIES.fullmatch(name)]
ATTRIBUTES += [prop(name) for name in ("plugin_name", "xds.node.id", "request.headers.x", "mine")]
ASKING = {name: [*ATTRIBUTES, set_property(b"mine", b"v"), prop("mine")] for name in EVERYWHERE}
SCENARIOS = {
    "talk": Scenario(EVERYWHERE),
    "attributes": Scenario(ASKING, steps=(TALK[0], (CLIENT, b"more"), *TALK[1:])),
    "attributes_of_what_waits": Scenario(
        {name: [prop("request.size"), prop("response.size")] for name in EVERYWHERE},
        {"proxy_on_downstream_data": 1},
        ((CLIENT, b"ab"), (CLIENT, b"c"), *TALK[1:]),
    ),
    "upstream_ends_first": Scenario(
        EVERYWHERE, steps=((CLIENT, b"hi"), SERVER_ENDS, (CLIENT, b"more"), CLIENT_ENDS)
    ),
    "half_closed": Scenario(
        EVERYWHERE, steps=((CLIENT, b"hi"), CLIENT_ENDS, (SERVER, b"late"), SERVER_ENDS)
    ),
    "client_resets": Scenario(EVERYWHERE, steps=((CLIENT, b"hi"), CLIENT_RESETS)),
    "upstream_resets": Scenario(EVERYWHERE, steps=((CLIENT, b"hi"), SERVER_RESETS)),
    "elsewhere": Scenario(
        {
            "proxy_on_new_connection": ODD,
            "proxy_on_downstream_data": ODD[:-1],
            "proxy_on_upstream_data": ODD[:-1],
        }
    ),
    "pause_once": Scenario(
        DATA,
        {"proxy_on_downstream_data": FIRST_STOPS},
        ((CLIENT, b"ab"), (CLIENT, b"cde"), *TALK[1:]),
        extra=SEEN,
    ),
    "pause_upstream_once": Scenario(
        DATA,
        {"proxy_on_upstream_data": FIRST_STOPS},
        (TALK[0], (SERVER, b"ab"), (SERVER, b"cde"), *TALK[2:]),
        extra=SEEN,
    ),
    "pause_always": Scenario(
        DATA, {"proxy_on_downstream_data": 1}, ((CLIENT, b"ab"), (CLIENT, b"c"), *TALK[1:])
    ),
    "pause_new": Scenario(DATA, {"proxy_on_new_connection": 1}, ((CLIENT, b"ab"), CLIENT_RESETS)),
    "pause_new_and_continue": Scenario(
        {"proxy_on_new_connection": [continues(2)]}, {"proxy_on_new_connection": 1}
    ),
    "continue_in_data": Scenario(
        {"proxy_on_downstream_data": [continues(2), *BOTH]}, {"proxy_on_downstream_data": 1}
    ),
    "replace_and_prepend": Scenario(
        {
            "proxy_on_downstream_data": [sets(2, 0, 3, b"XYZW"), *looks(2)],
            "proxy_on_upstream_data": [sets(3, 0, 0, b"<"), *looks(3)],
        }
    ),
    "append_and_replace_all": Scenario(
        {
            "proxy_on_downstream_data": [sets(2, 99, 0, b"!"), *looks(2)],
            "proxy_on_upstream_data": [sets(3, 0, ENDLESS, b"all"), *looks(3)],
        }
    ),
    "the_middle_and_the_other": Scenario(
        {
            "proxy_on_downstream_data": [sets(2, 2, 1, b"m"), *looks(2)],
            "proxy_on_upstream_data": [sets(2, 0, 0, b"x"), *looks(2)],
        }
    ),
    "nothing_left": Scenario({"proxy_on_downstream_data": [sets(2, 0, ENDLESS, b""), *looks(2)]}),
    "close_when_new": Scenario({"proxy_on_new_connection": [closes(2)]}, steps=()),
    "close_downstream": Scenario({"proxy_on_downstream_data": [closes(2)]}, steps=TALK[:1]),
    "close_upstream": Scenario({"proxy_on_downstream_data": [closes(3)]}, steps=TALK[:1]),
    "close_and_pause": Scenario(
        {"proxy_on_downstream_data": [closes(2)]}, {"proxy_on_downstream_data": 1}, TALK[:1]
    ),
    "close_in_upstream_data": Scenario({"proxy_on_upstream_data": [closes(2)]}, steps=TALK[:2]),
    "close_twice": Scenario(
        {"proxy_on_downstream_data": [closes(2), closes(3), sets(2, 0, 0, b"x"), *looks(2)]},
        steps=TALK[:1],
    ),
    "close_of_nothing": Scenario(
        {"proxy_on_downstream_data": [closes(0), closes(1), closes(9)]},
    ),
    **{
        f"trap_in_{name}_{policy.value}": Scenario(
            traps=frozenset({f"proxy_on_{name}"}), policy=policy, steps=steps
        )
        for policy in FailurePolicy
        for name, steps in (
            ("new_connection", TALK if policy is FailurePolicy.LEGACY_FAIL_OPEN else ()),
            ("downstream_data", TALK if policy is FailurePolicy.LEGACY_FAIL_OPEN else TALK[:1]),
            ("upstream_data", TALK if policy is FailurePolicy.LEGACY_FAIL_OPEN else TALK[:2]),
            ("log", TALK),
        )
    },
}
NO_UPSTREAM = {
    name
    for name in SCENARIOS
    if name in ("pause_new", "close_when_new")
    or (name.startswith("trap_in_new") and not name.endswith("fail_open"))
}


@dataclass
class Seen:
    """What both ends of one connection got."""

    to_upstream: bytes = b""
    to_client: bytes = b""
    upstream_ended: bool = False
    client_ended: bool = False


@dataclass
class Pair:
    here: Seen
    here_logs: list[str]
    envoy: Seen
    envoy_logs: list[str]


def here(name: str, scenario: Scenario) -> tuple[Seen, list[list[str]]]:
    """What this host does: the ends, and the lines of each step (the first: the connection)."""
    worker = Worker(surroundings=UP)
    config = PluginConfig(name=name, failure_policy=scenario.policy)
    plugin = worker.plugin(Module.of(scenario.code(name)), config)
    logs = worker.journal.logs
    logs.clear()
    connection = TcpChain(worker, [plugin]).connect()
    lines = []

    def collect() -> None:
        lines.append([log.message for log in logs])
        logs.clear()

    collect()
    for what, data in scenario.steps:
        LOCALLY[what](connection, data)
        collect()
    ends = Seen(
        bytes(connection.to_upstream),
        bytes(connection.to_client),
        connection.upstream_ended,
        connection.client_ended,
    )
    connection.close()  # Envoy ends at last, too
    collect()
    return ends, lines


LOCALLY: dict[str, Callable[[TcpConnection, bytes], None]] = {
    CLIENT: lambda connection, data: connection.from_client(data),
    SERVER: lambda connection, data: connection.from_upstream(data),
    "client ends": lambda connection, data: connection.from_client(b"", ends=True),
    "upstream ends": lambda connection, data: connection.from_upstream(b"", ends=True),
    "client resets": lambda connection, data: connection.client_resets(),
    "upstream resets": lambda connection, data: connection.upstream_resets(),
}
REALLY: dict[str, Callable[[End, End, bytes], None]] = {
    CLIENT: lambda client, upstream, data: client.send(data),
    SERVER: lambda client, upstream, data: upstream.send(data),
    "client ends": lambda client, upstream, data: client.finish(),
    "upstream ends": lambda client, upstream, data: upstream.finish(),
    "client resets": lambda client, upstream, data: client.reset(),
    "upstream resets": lambda client, upstream, data: upstream.reset(),
}


def really(envoy: TcpEnvoy, name: str, scenario: Scenario, expected: list[list[str]]) -> Seen:
    """What Envoy does. After each step its log is waited for, as long as lines are to come."""
    seen, count = Seen(), len(expected[0])
    client = envoy.connect(name)
    upstream = None if name in NO_UPSTREAM else envoy.accept()
    wait_for(envoy, name, count)
    for (what, data), lines in zip(scenario.steps, expected[1:-1], strict=True):
        REALLY[what](client, upstream or client, data)
        count += len(lines)
        wait_for(envoy, name, count)
    resets = {what for what, _ in scenario.steps if what.endswith("resets")}
    if "client resets" not in resets:
        seen.to_client, seen.client_ended = rest(client)
    else:
        seen.client_ended = True
    if upstream is not None and "upstream resets" not in resets:
        seen.to_upstream, seen.upstream_ended = rest(upstream)
    else:
        seen.upstream_ended = True
    client.close()
    if upstream is not None:
        upstream.close()
    return seen


def wait_for(envoy: TcpEnvoy, name: str, count: int) -> None:
    until = time.monotonic() + 2
    while len(envoy.logs(name)) < count and time.monotonic() < until:
        time.sleep(0.002)


def rest(end: End) -> tuple[bytes, bool]:
    """All that an end can still read, and whether it was told the end."""
    end.socket.settimeout(0.1)
    data = b""
    try:
        while part := end.socket.recv(65536):
            data += part
    except TimeoutError:
        return data, False
    except ConnectionResetError:
        pass
    return data, True


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    filters = {
        name: NetworkFilter(scenario.code(name), plugin=scenario.plugin)
        for name, scenario in SCENARIOS.items()
    }
    found: dict[str, Pair] = {}
    lines = {}
    with envoy_before_tcp(tmp_path_factory.mktemp("envoy"), filters) as envoy:
        for name, scenario in SCENARIOS.items():
            ends, lines[name] = here(name, scenario)
            flat = [line for step in lines[name] for line in step]
            found[name] = Pair(ends, flat, really(envoy, name, scenario, lines[name]), [])
    for name, pair in found.items():
        pair.envoy_logs = envoy.logs(name)
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_network_filter_sees_the_same_here_and_in_envoy(
    pairs: dict[str, Pair], name: str
) -> None:
    assert pairs[name].here_logs == pairs[name].envoy_logs


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_ends_get_the_same(pairs: dict[str, Pair], name: str) -> None:
    here_ends, envoy_ends = pairs[name].here, pairs[name].envoy
    resets = {what for what, _ in SCENARIOS[name].steps if what.endswith("resets")}
    if not resets:
        assert here_ends == envoy_ends
    elif "client resets" in resets and name not in NO_UPSTREAM:
        assert here_ends.to_upstream == envoy_ends.to_upstream
