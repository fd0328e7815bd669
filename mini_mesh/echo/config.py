"""What the echo process serves, and how the mesh starts it and tells it. Nothing heavy in here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from mini_mesh.process import ProcessSpec

READY = "ready"  # the line that follows each config, when it is served
ERROR = "error: "  # how the other line begins; what was served before is served still


class EchoConfigError(ValueError):
    """A line of config that is none."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an instance makes for every request that it gets.

    ``url`` is where the caller's Envoy listens: ``http://127.0.0.1:15001`` or, for a gRPC callee,
    ``grpc://127.0.0.1:15001/package.Service/Method``. Without a path the caller's own is taken.
    The authority is ``service``.
    """

    service: str
    url: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One version of one service, on one port of loopback."""

    service: str
    version: str
    port: int
    protocol: Literal["http", "grpc"] = "http"
    calls: tuple[Call, ...] = ()
    fail_with_calls: bool = False  # answer 502 (UNAVAILABLE) when a call fails


def encode(instances: Iterable[Instance]) -> bytes:
    """The line that makes the echo process serve ``instances``, and nothing else any more."""
    return json.dumps([asdict(instance) for instance in instances]).encode() + b"\n"


def decode(line: bytes) -> list[Instance]:
    """The instances of a line. Raises EchoConfigError."""
    try:
        return [_instance(**entry) for entry in json.loads(line)]
    except (ValueError, TypeError) as error:
        raise EchoConfigError(f"no config: {error}") from error


def process_spec(name: str = "echo") -> ProcessSpec:
    """The echo process; write :func:`encode`'s lines to it.

    It speaks no TLS, and aiohttp reads all certificate authorities at import: 40 ms for nothing.
    """
    env = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}
    return ProcessSpec(name, [sys.executable, "-m", "mini_mesh.echo"], env, stdin=True)


def _instance(calls: Iterable[dict[str, str]] = (), **fields: object) -> Instance:
    return Instance(calls=tuple(Call(**call) for call in calls), **fields)  # type: ignore[arg-type]
