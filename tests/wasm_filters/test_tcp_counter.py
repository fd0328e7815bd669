"""Our network filter in the real Envoy, in front of a TCP proxy: what it counts, says and closes."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import wasm_filters
from tests.wasm_filters.real_tcp import End, NetworkFilter, TcpEnvoy, envoy_before_tcp
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.module import Module

WASM = Path(wasm_filters.__file__).parent / "filters" / "tcp_counter" / "tcp_counter.wasm"
STATS = "wasmcustom.tcp_counter."


def client_ends(client: End, upstream: End) -> None:
    talk(client, upstream)
    client.finish()
    assert upstream.ended() == "closed"
    upstream.close()
    assert client.ended() == "closed"


def upstream_ends(client: End, upstream: End) -> None:
    talk(client, upstream)
    upstream.finish()
    assert client.ended() == "closed"
    client.send(b"late")
    assert upstream.receive(4) == b"late"
    client.close()
    assert upstream.ended() == "closed"


def client_resets(client: End, upstream: End) -> None:
    talk(client, upstream)
    client.reset()
    assert upstream.ended() == "reset"


def upstream_resets(client: End, upstream: End) -> None:
    talk(client, upstream)
    upstream.reset()
    assert client.ended() == "reset"


def nothing_is_said(client: End, upstream: End) -> None:
    client.finish()
    assert upstream.ended() == "closed"
    upstream.close()
    assert client.ended() == "closed"


def much_is_said(client: End, upstream: End) -> None:
    for sender, receiver in ((client, upstream), (upstream, client)):
        sender.send(b"x" * 300_000)
        assert receiver.receive(300_000) == b"x" * 300_000
    client_ends(client, upstream)


def talk(client: End, upstream: End) -> None:
    client.send(b"hello")
    assert upstream.receive(5) == b"hello"
    upstream.send(b"world!!")
    assert client.receive(7) == b"world!!"


def too_much_is_sent(client: End, upstream: End) -> None:
    talk(client, upstream)
    client.send(b"12345")  # 10 bytes are allowed
    assert upstream.receive(5) == b"12345"
    client.send(b"6")
    assert client.ended() == "closed"
    assert upstream.ended() == "closed"  # the byte beyond the limit does not arrive


@pytest.fixture(scope="module")
def module() -> Module:
    return Module.load(WASM)


Conversation = Callable[[End, End], None]
UNLIMITED: dict[Conversation, str] = {
    client_ends: "5 bytes from downstream, 7 from upstream, closed by the client",
    upstream_ends: "9 bytes from downstream, 7 from upstream, closed by the upstream",
    client_resets: "5 bytes from downstream, 7 from upstream, closed by a reset of the client",
    upstream_resets: "5 bytes from downstream, 7 from upstream,"
    " closed by a reset of the upstream, or Envoy",
    nothing_is_said: "0 bytes from downstream, 0 from upstream, closed by the client",
    much_is_said: "300005 bytes from downstream, 300007 from upstream, closed by the client",
}
LIMITED = {
    client_ends: UNLIMITED[client_ends],
    too_much_is_sent: "11 bytes from downstream, 7 from upstream,"
    " closed by tcp_counter: more than 10 bytes",
}


@dataclass(frozen=True)
class Seen:
    """What the filter left behind: its lines, and Envoy's statistics as they were."""

    unlimited: list[str]
    limited: list[str]
    while_open: dict[str, int]
    at_the_end: dict[str, int]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    code = WASM.read_bytes()
    filters = {
        "unlimited": NetworkFilter(code),
        "limited": NetworkFilter(code, json.dumps({"max_downstream_bytes": 10})),
    }
    with envoy_before_tcp(tmp_path_factory.mktemp("envoy"), filters) as envoy:
        while_open = stats_with_two_open(envoy)
        for name, conversations in (("unlimited", UNLIMITED), ("limited", LIMITED)):
            for conversation in conversations:
                with envoy.connected(name) as (client, upstream):
                    conversation(client, upstream)
                settled(envoy)
        at_the_end = settled(envoy)
    return Seen(envoy.logs("unlimited"), envoy.logs("limited"), while_open, at_the_end)


def stats_with_two_open(envoy: TcpEnvoy) -> dict[str, int]:
    with envoy.connected("unlimited") as one, envoy.connected("limited") as other:
        talk(*one)
        talk(*other)
        return envoy.stats(STATS)


def settled(envoy: TcpEnvoy) -> dict[str, int]:
    """The statistics once no connection is open."""
    for _ in range(200):
        stats = envoy.stats(STATS)
        if stats[STATS + "active"] == 0:
            return stats
        time.sleep(0.01)
    pytest.fail(f"still open: {stats}")


@pytest.mark.parametrize("filter_", ["unlimited", "limited"])
def test_each_connection_leaves_one_line_with_its_bytes_and_its_closer(
    seen: Seen, filter_: str
) -> None:
    lines = seen.unlimited if filter_ == "unlimited" else seen.limited
    wanted = UNLIMITED if filter_ == "unlimited" else LIMITED
    said = [re.fullmatch(r"connection from 127\.0\.0\.1:\d+: (.*)", line) for line in lines]
    assert [match and match.group(1) for match in said[1:]] == list(wanted.values())


def test_the_statistics_count_what_all_connections_sent(seen: Seen) -> None:
    assert seen.while_open == {
        STATS + "downstream_bytes": 10,
        STATS + "upstream_bytes": 14,
        STATS + "connections": 2,
        STATS + "active": 2,
    }
    lines = seen.unlimited + seen.limited
    counted = [re.findall(r"(\d+) (?:bytes )?from (?:down|up)stream", line) for line in lines]
    assert seen.at_the_end == {
        STATS + "downstream_bytes": sum(int(down) for down, _ in counted),
        STATS + "upstream_bytes": sum(int(up) for _, up in counted),
        STATS + "connections": len(lines),
        STATS + "active": 0,
    }


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
