"""What reading one trace from a file costs, in each format that Envoy writes.

    .venv/bin/python bench/tap/files.py [--rounds N]

Buffered traces of an Envoy, with 20 fields and two bodies of 2 KiB of JSON, decoded and assembled,
not redacted. Processor time, best of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.hub import record
from tap.sources.files import Report, read_files
from tap.traces.decode import END
from xds_server.mirror import mirror_class
from xds_server.protos import tap_data

COUNT = 500


def written(folder: Path) -> dict[str, Path]:
    """A file of COUNT traces for each suffix."""
    traces = b"".join(asyncio.run(record(folder)).traces).split(END)[:COUNT]
    made: dict[str, list[bytes]] = {"json": [], "pb": [], "pb_length_delimited": [], "pb_text": []}
    for data in (trace + END for trace in traces):
        message: Any = json_format.Parse(data, mirror_class(tap_data.TraceWrapper)())
        binary = message.SerializeToString()
        made["json"].append(data)
        made["pb"].append(binary)
        made["pb_length_delimited"].append(varint(len(binary)) + binary)
        made["pb_text"].append(text_format.MessageToString(message).encode())
    paths = {suffix: folder / f"traces.{suffix}" for suffix in made}
    for suffix, path in paths.items():
        path.write_bytes(b"".join(made[suffix]))
    return paths


def varint(size: int) -> bytes:
    found = b""
    while size > 0x7F:
        found, size = found + bytes((size & 0x7F | 0x80,)), size >> 7
    return found + bytes((size,))


def read(path: Path) -> None:
    report = Report()
    assert sum(1 for _ in read_files([path], report)) == COUNT, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        for suffix, path in written(Path(name)).items():
            times = []
            for _ in range(rounds):
                begun = time.process_time()
                read(path)
                times.append(time.process_time() - begun)
            took = min(times) / COUNT * 1e6
            print(f".{suffix:<22}{took:8.1f} µs   {1e6 / took:10,.0f} a second")


if __name__ == "__main__":
    main()
