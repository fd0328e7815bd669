"""What the echo process serves, and how the mesh starts it and tells it. Nothing heavy in here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mini_mesh.processes.process import ProcessSpec

READY = "ready"  # the line that follows each config, when it is served
XDS_SCHEME = "xds:"
# aiohttp reads all certificate authorities at import, 40 ms for nothing: it speaks no TLS here.
_NO_TLS = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}
PEAKS = "peaks"  # a line that asks for them, and what its answer begins with
ERROR = "error: "  # how the other line begins; what was served before is served still


class EchoConfigError(ValueError):
    """A line of config that is none."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an instance makes for every request that it gets.

    ``url`` is where the caller's Envoy listens: ``http://127.0.0.1:15001`` or, for a gRPC callee,
    ``grpc://127.0.0.1:15001/package.Service/Method``. Without a path the caller's own is taken.
    The authority is ``service``. Without an Envoy it is ``xds:///reviews``.
    """

    service: str
    url: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One replica of one version of one service, on one port of loopback."""

    service: str
    version: str
    port: int
    protocol: str = "http"  # of mesh_patterns.protocols
    calls: tuple[Call, ...] = ()
    fail_with_calls: bool = False  # answer 502 (UNAVAILABLE) when a call fails
    replica: int = 1

    @property
    def id(self) -> str:
        """What the mesh calls it."""
        name = f"{self.service}-{self.version}" if self.version else self.service
        return name if self.replica == 1 else f"{name}-{self.replica}"


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
    """The echo process; write :func:`encode`'s lines to it."""
    return ProcessSpec(name, [sys.executable, "-m", "mini_mesh.echo"], _NO_TLS, stdin=True)


def xds_process_spec(
    name: str, instance: Instance, count: Path, env: Mapping[str, str]
) -> ProcessSpec:
    """A process for one instance without an Envoy, with the bootstrap that ``env`` holds.

    It tells at the Unix socket ``count`` how many requests have arrived.
    """
    line = encode([instance]).decode().strip()
    command = [sys.executable, "-m", "mini_mesh.echo.xds_side", line, str(count)]
    return ProcessSpec(name, command, {**_NO_TLS, "GRPC_VERBOSITY": "ERROR", **env})


def _instance(calls: Iterable[dict[str, str]] = (), **fields: object) -> Instance:
    made = tuple(Call(**call) for call in calls)
    return Instance(calls=made, **fields)  # type: ignore[arg-type] # a dict of JSON, by encode()
