"""A claim's requests from a caller without an Envoy: a gRPC client that is told by xDS what to do.

A door, at both ends. gRPC reads its bootstrap once in a process, so the client is one of its own,
``python -m mini_mesh.proving.probe``: it is given the requests on a line, tells each answer on a
line, and ends when there is nobody left to tell. To the control plane it is the caller itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import Any

from mesh_traffic import Headers
from mini_mesh.grpc_bootstrap import GrpcNode, environment
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import MAX_BODY, Outgoing
from mini_mesh.proving.traffic import send

MAX_LINE = 16 * MAX_BODY  # bytes of JSON that an answer may take, or the requests
LAST_LINES = 5  # of what a probe said that gave up


async def send_as(node: GrpcNode, outgoing: Outgoing) -> tuple[Sample, ...]:
    """Send all of it, as ``node`` would. What a probe that ended early did not tell has no answer,
    and its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "GRPC_VERBOSITY": "NONE", **environment(node)},
        limit=MAX_LINE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    try:
        process.stdin.write(encode(outgoing))
        samples = [decode_sample(line) async for line in process.stdout]
        if len(samples) < outgoing.count:
            said = (await process.stderr.read()).decode(errors="replace").splitlines()
            error = "\n".join([f"the probe for {node.id} ended", *said[-LAST_LINES:]])
            samples += [Sample(-1, 0.0, error=error)] * (outgoing.count - len(samples))
        return tuple(samples)
    finally:
        process.stdin.close()
        if process.returncode is None and not process.stdout.at_eof():
            process.kill()
        await process.wait()


def encode(outgoing: Outgoing) -> bytes:
    """The line that tells a probe what to send."""
    fields = asdict(outgoing)
    fields["headers"] = list(outgoing.headers)
    fields["body"] = outgoing.body.decode(errors="surrogateescape")
    return json.dumps(fields).encode() + b"\n"


def decode(line: bytes) -> Outgoing:
    fields: dict[str, Any] = json.loads(line)
    fields["headers"] = Headers.of((name, value) for name, value in fields["headers"])
    fields["body"] = fields["body"].encode(errors="surrogateescape")
    fields["others"] = tuple(fields["others"])
    return Outgoing(**fields)


def encode_sample(sample: Sample) -> bytes:
    """The line that tells an answer."""
    fields = [
        *(sample.status, sample.seconds, list(sample.headers), sample.body),
        *(sample.error, sample.at),
    ]
    return json.dumps(fields).encode() + b"\n"


def decode_sample(line: bytes) -> Sample:
    status, seconds, headers, body, error, at = json.loads(line)
    return Sample(status, seconds, Headers.of((n, v) for n, v in headers), body, error, at)


async def main() -> None:
    """Until all is sent, or whoever asked is gone."""
    lines = asyncio.StreamReader(limit=MAX_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sending = asyncio.ensure_future(send(decode(await lines.readline())))
    gone = asyncio.ensure_future(lines.read())
    await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if sending.done():
        for sample in sending.result():
            sys.stdout.buffer.write(encode_sample(sample))
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
