"""Decisions a second of the rate limit service: its own process, asked at its socket.

``.venv/bin/python bench/rate_limit/decisions.py [SECONDS]``. The client is a few lines of HTTP/2
that keep so many calls open; what counts is the processor time of the service for each, which does
not depend on the client. For comparison, the same decisions behind gRPC's own server for asyncio.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hpack

from mesh_patterns.rate_limits.rules import Domain, Limit, Rule
from mini_mesh.beside.rate_limit.limiter import SHOULD_RATE_LIMIT
from mini_mesh.beside.rate_limit.lines import encode
from xds_server.mirror import mirror_class
from xds_server.protos import rate_limit_service as messages

USERS = 1000
RULES = (Domain("bench", (Rule("user", "", Limit(100, "minute")),)),)
_TICKS = os.sysconf("SC_CLK_TCK")

GRPC = """
import asyncio, sys, time
import grpc
from mini_mesh.beside.rate_limit.counters import InMemory
from mini_mesh.beside.rate_limit.limiter import SHOULD_RATE_LIMIT, Limiter
from mini_mesh.beside.rate_limit.lines import decode
async def main():
    limiter = Limiter(InMemory(), time.time)
    limiter.tell(decode(sys.stdin.buffer.readline()))
    async def answer(request, context):
        return limiter.should_rate_limit(request)
    _, service, method = SHOULD_RATE_LIMIT.split("/")
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.aio.server()
    methods = grpc.method_handlers_generic_handler(service, {method: handler})
    server.add_generic_rpc_handlers((methods,))
    server.add_insecure_port("unix:" + sys.argv[1])
    await server.start()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""
OWN = ("-m", "mini_mesh.beside.rate_limit.server")


@contextmanager
def service(command: tuple[str, ...], path: Path) -> Iterator[int]:
    pipe = subprocess.PIPE
    whole = [sys.executable, *command, str(path)]
    with subprocess.Popen(whole, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode(RULES))
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.stdin.close()


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def question(user: int) -> bytes:
    made: Any = mirror_class(messages.RateLimitRequest)(domain="bench")
    entry = made.descriptors.add().entries.add()
    entry.key, entry.value = "user", f"user{user}"
    said = made.SerializeToString()
    return b"\0" + len(said).to_bytes(4) + said


class Client:
    """Keeps ``open_`` calls going, with heads as an Envoy sends them."""

    def __init__(self, path: Path, open_: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        head = {
            ":method": "POST", ":scheme": "http", ":path": SHOULD_RATE_LIMIT, ":authority": "x",
            "te": "trailers", "grpc-timeout": "1000m", "content-type": "application/grpc",
            "x-envoy-internal": "true",
        }  # fmt: skip
        encoder = hpack.Encoder()
        self._heads = [encoder.encode(head), encoder.encode(head)]
        self._bodies = [question(user) for user in range(USERS)]
        self._stream, self._rest, self.done = 1, b"", 0
        settings = struct.pack(">HIHI", 4, 1 << 24, 3, 1000)
        opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, settings)
        self._socket.sendall(
            opening + frame(8, 0, 0, struct.pack(">I", 1 << 30)) + self._ask(open_)
        )

    def _ask(self, count: int) -> bytes:
        said = []
        for _ in range(count):
            head = self._heads[self._stream > 1]
            said.append(frame(1, 4, self._stream, head))
            said.append(frame(0, 1, self._stream, self._bodies[self._stream // 2 % USERS]))
            self._stream += 2
        return b"".join(said)

    def turn(self) -> None:
        """Hear what has come, and ask as many again."""
        data, at, ended, back = self._rest + self._socket.recv(1 << 20), 0, 0, b""
        while len(data) - at >= 9 and len(data) - at >= 9 + int.from_bytes(data[at : at + 3]):
            size, kind, flags = int.from_bytes(data[at : at + 3]), data[at + 3], data[at + 4]
            if kind == 4 and not flags & 1:
                back += frame(4, 1, 0, b"")
            elif kind == 6 and not flags & 1:
                back += frame(6, 1, 0, data[at + 9 : at + 9 + size])
            elif kind == 1 and flags & 1:
                ended += 1
            elif kind == 7:
                sys.exit("the service hung up")
            at += 9 + size
        self._rest = data[at:]
        self.done += ended
        self._socket.sendall(back + self._ask(ended))


def processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(command: tuple[str, ...], open_: int, seconds: float) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.sock"
        with service(command, path) as pid:
            client, before, start = Client(path, open_), processor(pid), time.perf_counter()
            while time.perf_counter() - start < seconds:
                client.turn()
            took, used = time.perf_counter() - start, processor(pid) - before
    each = used / client.done
    return f"{client.done / took:8,.0f}/s   {1 / each:8,.0f} a core-second   {each * 1e6:5.0f} µs"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    for name, command in (("own door", OWN), ("grpc.aio", ("-c", GRPC))):
        for open_ in (1, 10, 100):
            print(f"{name}, {open_:3} calls at a time: {measure(command, open_, seconds)}")


if __name__ == "__main__":
    main()
