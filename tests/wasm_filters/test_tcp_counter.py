"""Our network filter, in both engines: what it counts, says and closes."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import wasm_filters
from tests.wasm_filters.real_tcp import End, NetworkFilter, TcpEnvoy, envoy_before_tcp
from tests.wasm_filters.test_tcp_fidelity import (
    CLIENT,
    CLIENT_ENDS,
    CLIENT_RESETS,
    LOCALLY,
    SERVER,
    SERVER_ENDS,
    SERVER_RESETS,
    Step,
)
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.tcp.connection import TcpConnection
from wasm_filters.worker import Worker

WASM = Path(wasm_filters.__file__).parent / "filters" / "tcp_counter" / "tcp_counter.wasm"
ADDRESS = {"source.address": b"127.0.0.1:1"}
STATS = "wasmcustom.tcp_counter."


@pytest.fixture(scope="module")
def module() -> Module:
    return Module.load(WASM)


def sent(data: bytes, sender: End, receiver: End) -> None:
    sender.send(data)
    assert receiver.receive(len(data)) == data


def ended(sender: End, receiver: End) -> None:
    sender.finish()
    assert receiver.ended() == "closed"


def cut(sender: End, receiver: End) -> None:
    sender.reset()
    assert receiver.ended() == "reset"


def refused_to_pass(data: bytes, client: End, upstream: End) -> None:
    client.send(data)
    assert client.ended() == "closed"
    assert upstream.ended() == "closed"


REFUSED = "what the client sends is not passed on"
REALLY: dict[str, Callable[[End, End, bytes], None]] = {
    CLIENT: lambda client, upstream, data: sent(data, client, upstream),
    SERVER: lambda client, upstream, data: sent(data, upstream, client),
    CLIENT_ENDS[0]: lambda client, upstream, data: ended(client, upstream),
    SERVER_ENDS[0]: lambda client, upstream, data: ended(upstream, client),
    CLIENT_RESETS[0]: lambda client, upstream, data: cut(client, upstream),
    SERVER_RESETS[0]: lambda client, upstream, data: cut(upstream, client),
    REFUSED: lambda client, upstream, data: refused_to_pass(data, client, upstream),
}
TALK = ((CLIENT, b"hello"), (SERVER, b"world!!"))
LONG = ((CLIENT, b"x" * 300_000), (SERVER, b"y" * 200_000))


@dataclass(frozen=True)
class Conversation:
    """What happens on a connection, and what the filter must say of it."""

    steps: Sequence[Step]
    said: str


UNLIMITED = [
    Conversation(
        [*TALK, CLIENT_ENDS, SERVER_ENDS],
        "5 bytes from downstream, 7 from upstream, closed by the client",
    ),
    Conversation(
        [*TALK, SERVER_ENDS, (CLIENT, b"late"), CLIENT_ENDS],
        "9 bytes from downstream, 7 from upstream, closed by the upstream",
    ),
    Conversation(
        [*TALK, CLIENT_RESETS],
        "5 bytes from downstream, 7 from upstream, closed by a reset of the client",
    ),
    Conversation(
        [*TALK, SERVER_RESETS],
        "5 bytes from downstream, 7 from upstream, closed by a reset of the upstream, or Envoy",
    ),
    Conversation(
        [CLIENT_ENDS, SERVER_ENDS],
        "0 bytes from downstream, 0 from upstream, closed by the client",
    ),
    Conversation(
        [*LONG, *TALK, CLIENT_ENDS, SERVER_ENDS],
        "300005 bytes from downstream, 200007 from upstream, closed by the client",
    ),
]
LIMITED = [
    UNLIMITED[0],
    Conversation(
        [*TALK, (CLIENT, b"12345"), (REFUSED, b"6")],
        "11 bytes from downstream, 7 from upstream, closed by tcp_counter: more than 10 bytes",
    ),
]
CONVERSATIONS = {"unlimited": UNLIMITED, "limited": LIMITED}
CONFIGURATION = {"unlimited": "", "limited": json.dumps({"max_downstream_bytes": 10})}


@dataclass
class Seen:
    """What the filter left behind: its lines per listener, and the statistics as they were."""

    lines: dict[str, list[str]]
    while_open: dict[str, int]
    at_the_end: dict[str, int]


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    code = WASM.read_bytes()
    filters = {name: NetworkFilter(code, text) for name, text in CONFIGURATION.items()}
    with envoy_before_tcp(tmp_path_factory.mktemp("envoy"), filters) as envoy:
        with envoy.connected("unlimited") as one, envoy.connected("limited") as other:
            for pair, (what, data) in itertools.product((one, other), TALK):
                REALLY[what](*pair, data)
            while_open = envoy.stats(STATS)
        settled(envoy)
        for name, conversations in CONVERSATIONS.items():
            for conversation in conversations:
                with envoy.connected(name) as (client, upstream):
                    for what, data in conversation.steps:
                        REALLY[what](client, upstream, data)
                settled(envoy)
        at_the_end = settled(envoy)
    return Seen({name: envoy.logs(name)[1:] for name in filters}, while_open, at_the_end)


def settled(envoy: TcpEnvoy) -> dict[str, int]:
    """The statistics once no connection is open."""
    for _ in range(200):
        stats = envoy.stats(STATS)
        if stats[STATS + "active"] == 0:
            return stats
        time.sleep(0.01)
    pytest.fail(f"still open: {stats}")


@pytest.fixture(scope="module")
def here(module: Module) -> Seen:
    worker = Worker()
    chains = {}
    for name, text in CONFIGURATION.items():
        config = PluginConfig(name, configuration=text.encode(), properties=ADDRESS)
        chains[name] = TcpChain(worker, [worker.plugin(module, config)])
    open_ones = [chain.connect() for chain in chains.values()]
    for connection, (what, data) in itertools.product(open_ones, TALK):
        LOCALLY[what](connection, data)
    while_open = values(worker)
    for connection in open_ones:
        connection.client_resets()
    lines = {}
    for name, conversations in CONVERSATIONS.items():
        worker.journal.logs.clear()
        for conversation in conversations:
            converse(chains[name].connect(), conversation)
        lines[name] = [log.message for log in worker.journal.logs]
    return Seen(lines, while_open, values(worker))


def converse(connection: TcpConnection, conversation: Conversation) -> None:
    for what, data in conversation.steps:
        LOCALLY[CLIENT if what == REFUSED else what](connection, data)
    assert connection.closed


def values(worker: Worker) -> dict[str, int]:
    return {f"wasmcustom.{name}": metric.value for name, metric in worker.metrics().items()}


@pytest.fixture(params=["here", "envoy"])
def seen(request: pytest.FixtureRequest) -> Seen:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Seen)
    return found


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_each_connection_leaves_one_line_with_its_bytes_and_its_closer(
    seen: Seen, name: str
) -> None:
    said = [re.fullmatch(r"connection from [^ ]+: (.*)", line) for line in seen.lines[name]]
    wanted = [conversation.said for conversation in CONVERSATIONS[name]]
    assert [match and match.group(1) for match in said] == wanted


def test_the_statistics_count_what_all_connections_sent(seen: Seen) -> None:
    assert seen.while_open == {
        STATS + "downstream_bytes": 10,
        STATS + "upstream_bytes": 14,
        STATS + "connections": 2,
        STATS + "active": 2,
    }
    lines = [line for lines in seen.lines.values() for line in lines]
    counted = [re.findall(r"(\d+) (?:bytes )?from (?:down|up)stream", line) for line in lines]
    assert seen.at_the_end == {
        STATS + "downstream_bytes": 10 + sum(int(down) for down, _ in counted),
        STATS + "upstream_bytes": 14 + sum(int(up) for _, up in counted),
        STATS + "connections": 2 + len(lines),
        STATS + "active": 0,
    }


def test_the_byte_beyond_the_limit_does_not_arrive(module: Module) -> None:
    worker = Worker()
    config = PluginConfig(configuration=CONFIGURATION["limited"].encode())
    connection = TcpChain(worker, [worker.plugin(module, config)]).connect()
    connection.from_client(b"0123456789")
    connection.from_client(b"x")
    assert bytes(connection.to_upstream) == b"0123456789"
    assert connection.closed_by == "local"


@contextlib.contextmanager
def refused(why: str) -> Iterator[None]:
    with pytest.raises(PluginError) as caught:
        yield
    assert f"refused the configuration; its last log: tcp_counter: {why}" in str(caught.value)


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ("{", "at 1: found the end, expected a string"),
        ('{"max_downstream_bytes": 1} x', "at 28: found 'x', expected nothing more"),
        ('{"a": 1, "a": 2}', "at 9: found '\"', expected each key once"),
        ('{"a": 01}', "at 6: found '0', expected a value"),
        ('{"a": "\\x"}', "at 8: found 'x', expected an escape"),
        ('{"a": "\\u00g0"}', "at 11: found 'g', expected four hexadecimal digits"),
        ("[" * 40, "at 17: found '[', expected fewer levels"),
        ("[]", "the configuration: expected an object"),
        ('{"limit": 1}', "the configuration: unknown key 'limit': expected max_downstream_bytes"),
        ('{"max_downstream_bytes": -1}', "max_downstream_bytes: expected a whole number"),
        ('{"max_downstream_bytes": "1"}', "max_downstream_bytes: expected a whole number"),
        ('{"max_downstream_bytes": 1e3}', "max_downstream_bytes: expected a whole number"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(
    module: Module, configuration: str, why: str
) -> None:
    with refused(why):
        configured(module, configuration.encode())


@given(st.binary() | st.text(alphabet='{}[]",:\\u0d8a1-.e tfn').map(str.encode))
@example(b'"\\ud800\\udc00\\ud800\\u"')
@example(b"-")
def test_any_configuration_is_taken_or_refused(module: Module, configuration: bytes) -> None:
    with contextlib.suppress(PluginError):
        configured(module, configuration)


def configured(module: Module, configuration: bytes) -> Filter:
    return Filter(module, PluginConfig(configuration=configuration))
