"""Captures as files that other tools open. Each writer is a generator: exchanges in, bytes out.

None holds more than a few exchanges at once, none opens a file; who calls it does. A body that was
cut off is marked as such in every format (``export.words``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mesh_traffic import Exchange
from tap.export import commands, flow, har, jsonl, parquet, pcap, raw
from tap.export.words import ExportError

__all__ = ["EXPORTS", "Export", "ExportError"]


@dataclass(frozen=True, slots=True)
class Export:
    """A format. ``write`` raises ExportError when it can't; a terminal can't show ``binary``."""

    write: Callable[[Iterable[Exchange]], Iterator[bytes]]
    suffix: str
    about: str
    binary: bool = False


EXPORTS: Mapping[str, Export] = {
    "har": Export(har.write, ".har", "HAR 1.2, for browsers and proxies"),
    "flow": Export(flow.write, ".flow", "mitmproxy's flow file", binary=True),
    "curl": Export(commands.write_curl, ".sh", "curl commands, for a shell"),
    "httpie": Export(commands.write_httpie, ".http.sh", "HTTPie commands, for a shell"),
    "raw": Export(raw.write, ".txt", "HTTP/1.1 messages, one after the other"),
    "pcap": Export(pcap.write, ".pcapng", "packets, for Wireshark", binary=True),
    "jsonl": Export(jsonl.write, ".jsonl", "a JSON object in each line"),
    "parquet": Export(parquet.write, ".parquet", "a table, for data tools", binary=True),
}
