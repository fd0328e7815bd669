"""Packets: read by a small reader of our own that checks every number, and by tshark."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Endpoint, Exchange, Request
from tap.export import raw
from tap.export.pcap import write
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample

TSHARK = shutil.which("tshark")
LARGE = sample(
    id="6",
    request=Request("PUT", "/large", "a", body=Body(b"0123456789" * 1_000)),
    source=Endpoint(address="[::1]:1234"),
    destination=Endpoint(address="[::1]:80"),
)


@dataclass
class Stream:
    """One direction of a connection, put together again."""

    next: int = 0
    data: bytes = b""
    open: bool = False


@dataclass
class Capture:
    """What a reader finds; each check of the format is an assertion on the way."""

    times: list[int] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    streams: dict[tuple[bytes, bytes], Stream] = field(default_factory=dict)


def ones_sum(data: bytes) -> int:
    total = 0
    for at in range(0, len(data) + len(data) % 2, 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert data[length - 4 : length] == struct.pack("<I", length)
        yield kind, data[8 : length - 4]
        data = data[length:]


def read(data: bytes) -> Capture:
    capture = Capture()
    kinds = list(blocks(data))
    assert kinds[0][0] == 0x0A0D0D0A
    assert kinds[0][1][:4] == bytes.fromhex("4d3c2b1a")
    assert (kinds[1][0], kinds[1][1][:2]) == (1, b"\x65\0")
    for kind, body in kinds[2:]:
        assert kind == 6
        _, high, low, kept, whole = struct.unpack_from("<IIIII", body)
        assert kept == whole
        capture.times.append(high << 32 | low)
        options = body[20 + kept + -kept % 4 :]
        if options:
            option, length = struct.unpack_from("<HH", options)
            assert option == 1
            capture.comments.append(options[4 : 4 + length].decode())
        packet(capture, body[20 : 20 + kept])
    return capture


def packet(capture: Capture, data: bytes) -> None:
    if data[0] >> 4 == 4:
        assert ones_sum(data[:20]) == 0xFFFF
        assert int.from_bytes(data[2:4], "big") == len(data)
        ends, segment = (data[12:16], data[16:20]), data[20:]
    else:
        assert int.from_bytes(data[4:6], "big") == len(data) - 40
        ends, segment = (data[8:24], data[24:40]), data[40:]
    assert ones_sum(b"".join(ends) + struct.pack(">II", 6, len(segment)) + segment) == 0xFFFF
    tcp(capture, (ends[0] + segment[:2], ends[1] + segment[2:4]), segment)


def tcp(capture: Capture, ends: tuple[bytes, bytes], segment: bytes) -> None:
    sequence, acknowledged, offset, flags = struct.unpack_from(">IIBB", segment, 4)
    data = segment[offset >> 4 << 2 :]
    if flags & 2:
        stream = capture.streams[ends] = Stream(sequence + 1, open=True)
        return
    stream, other = capture.streams[ends], capture.streams[ends[::-1]]
    assert stream.open
    assert (sequence, acknowledged) == (stream.next, other.next)
    stream.data += data
    stream.next += len(data) + (flags & 1)
    stream.open = not flags & 1 or not data


def test_each_exchange_is_a_connection_whose_bytes_are_its_messages() -> None:
    capture = read(b"".join(write([SAMPLE, LARGE, sample(response=None)])))
    assert SAMPLE.response is not None
    answer = raw.response(SAMPLE.response, "POST")
    expected = [raw.request(SAMPLE.request), answer, raw.request(LARGE.request), answer]
    assert [stream.data for stream in capture.streams.values()] == [
        *expected,
        raw.request(SAMPLE.request),
        b"",
    ]
    server = socket.inet_aton("127.0.0.1") + (9081).to_bytes(2, "big")
    assert next(iter(capture.streams))[1] == server


def test_times_are_those_of_the_exchange() -> None:
    times = read(b"".join(write([SAMPLE]))).times
    assert (times[0], times[-1]) == (1_767_323_045_250_000, 1_767_323_045_262_000)


def test_the_first_packet_says_who_it_was_and_what_was_cut_off() -> None:
    (comment,) = read(b"".join(write([SAMPLE]))).comments
    assert comment.split("   ") == [
        "id 9f3e",
        "productpage v1 → reviews v2",
        "127.0.0.1:40000 → 127.0.0.1:9081",
        "UO",
        "URX",
        "response body cut off: 8 of 4,096 bytes were kept",
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(EXCHANGE, max_size=3))
def test_whatever_is_captured_makes_packets_that_fit(exchanges: list[Exchange]) -> None:
    capture = read(b"".join(write(exchanges)))
    assert len(capture.streams) == 2 * len(exchanges)


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_finds_the_messages_and_nothing_wrong(tmp_path: Path) -> None:
    assert TSHARK is not None
    file = tmp_path / "a.pcapng"
    file.write_bytes(b"".join(write([SAMPLE, LARGE])))
    ports = ["-d", "tcp.port==9081,http"]
    shown = [
        "-T",
        "fields",
        "-e",
        "http.request.uri",
        "-e",
        "http.response.code",
        "-e",
        "http.host",
    ]
    checked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]

    def tshark(*more: str) -> list[str]:
        command = [TSHARK, "-r", str(file), *ports, *checked, *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.splitlines()

    assert tshark("-Y", "http", *shown) == [
        "/reviews/1?full=1\t\treviews:9080",
        "\t503\t",
        "/large\t\ta",
        "\t503\t",
    ]
    wrong = "tcp.checksum.status==0 || ip.checksum.status==0 || tcp.analysis.flags || _ws.malformed"
    assert tshark("-Y", wrong) == []
    assert tshark("-Y", 'frame.comment contains "cut off"') != []
