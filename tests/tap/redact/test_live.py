"""Secrets in bodies and paths through a real Envoy, and the bytes of the hub's socket."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

from mesh_traffic import Exchange
from tap.live.hub import Hub
from tap.live.server import serve
from tap.live.wire import decode
from tap.redact import Redactor, RuleBook, Rules
from tests.tap.watched import ask

JSON = {"content-type": "application/json"}
BODIES: tuple[tuple[dict[str, str], bytes], ...] = (
    (JSON, b'{"user": {"password": "pl4nted", "ssn": "pl4nted-ssn"}}'),
    ({**JSON, "content-encoding": "gzip"}, gzip.compress(b'{"client_secret": "pl4nted"}')),
    ({"content-type": "application/x-www-form-urlencoded"}, b"a=1&pass%77ord=pl4nted"),
    ({"content-type": "text/plain"}, b"a" * 2000 + b" token: pl4nted"),
)


async def test_no_body_and_no_path_takes_a_secret_out(envoy: Any, tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    redact = Redactor(RuleBook(Rules(paths=("$.user.ssn",))))
    async with serve(Hub([envoy.target], envoy.topology, redact=redact), path):
        reader, writer = await asyncio.open_unix_connection(path, limit=1 << 20)
        writer.write(b'{"bodies": true}\n')
        await reader.readline()
        await reader.readline()
        got = []
        for headers, body in BODIES:
            where = "/echo?access_token=pl4nted&page=2"
            await ask(envoy.outbound, where, "POST", headers=headers, data=body)
            got.append(await reader.readline())
        writer.close()
    assert b"pl4nted" not in b"".join(got)
    exchanges = [decode(line) for line in got]
    for exchange in exchanges:
        assert isinstance(exchange, Exchange)
        assert exchange.request.path.startswith("/echo?access_token=[redacted+")
        assert b"redacted" in exchange.request.body.data
