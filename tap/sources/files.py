"""The door to files of traces: of Envoy's ``file_per_tap`` sink, and dumps of an admin tap.

Each file is told by its name, else by its first bytes; both kinds of traces, buffered and streamed,
are read in each format. Junk is counted with its file and offset, and the rest is read on where
there is a way to find the next trace.
Source: Envoy, ``envoy.config.tap.v3.FilePerTapSink`` and ``OutputSink.Format``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from mesh_traffic import Exchange, replace
from tap.assemble import Assembler
from tap.printable import printable
from tap.sockets.assemble import Sockets
from tap.sockets.traces import SocketTrace
from tap.topology import Topology
from tap.traces.decode import END, BufferedTrace, DecodeError, Trace, decode_trace
from tap.traces.framing import Cut, Frames, FramingError, delimited, ending, fields
from tap.traces.messages import decode_binary, decode_text
from tap.traces.request import MAX_BODY_BYTES
from tap.traces.streamed import Streams

CHUNK = 1 << 20  # bytes read at once
MAX_FILES = 100_000  # taken of the paths and the folders among them
MAX_PROBLEMS = 100  # kept in words; all are counted
MAX_WORDS = 200  # characters of why one is none: it may quote the file


@dataclass(frozen=True, slots=True)
class Format:
    """How the traces of a file are separated, and how each is read."""

    cut: Cut
    decode: Callable[[bytes], Trace | None]


JSON = Format(ending(END), decode_trace)
JSON_LINES = Format(ending(b"}\n"), decode_trace)  # what `jq -c` makes of them
BINARY = Format(fields, decode_binary)
DELIMITED = Format(delimited, decode_binary)
TEXT = Format(ending(END), decode_text)
SUFFIXES: Mapping[str, Format] = {
    ".json": JSON,
    ".pb": BINARY,
    ".pb_length_delimited": DELIMITED,
    ".pb_text": TEXT,
}
_TAGS = (b"\x0a", b"\x12", b"\x1a", b"\x22")  # of a TraceWrapper's four kinds of traces


@dataclass(slots=True)
class Report:
    """What became of the files. ``problems`` are the first ones, in words, each with its place."""

    files: int = 0
    traces: int = 0
    errors: int = 0
    incomplete: int = 0  # given out before their end, or of connections with bytes missing
    problems: list[str] = field(default_factory=list)

    def reject(self, place: str, why: object) -> None:
        self.errors += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(printable(f"{place}: {str(why)[:MAX_WORDS]}"))


def read_files(
    paths: Iterable[Path],
    report: Report,
    *,
    topology: Topology | None = None,
    node: str = "",
    ids: Iterator[str] | None = None,
) -> Iterator[Exchange]:
    """The exchanges of all files, **not redacted**; a folder means the files in it, by suffix.

    Nothing raises for what a file is or holds: ``report`` says what could not be read. Streamed
    traces of requests carry no times: such an exchange ``started`` when its file was last written
    to.
    """
    ids = ids if ids is not None else map("{:04x}".format, count(1))
    for path in _files(paths, report):
        assembler = Assembler(node, topology or Topology(), ids)
        sockets = Sockets(node, ids, MAX_BODY_BYTES)
        try:
            if not path.is_file():  # a pipe or a device may never end
                report.reject(str(path), "expected a file")
                continue
            report.files += 1
            with path.open("rb") as file:
                yield from _Reading(path, report, assembler, sockets, path.stat().st_mtime).run(
                    file
                )
        except OSError as error:
            report.reject(str(path), error.strerror or error)


def _files(paths: Iterable[Path], report: Report) -> Iterator[Path]:
    left = MAX_FILES
    for given in paths:
        for path in _inside(given, report):
            if left == 0:
                report.reject(str(path), f"more than {MAX_FILES} files; the rest is not read")
                return
            left -= 1
            yield path


def _inside(path: Path, report: Report) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        return sorted(each for each in path.iterdir() if each.suffix in SUFFIXES)
    except OSError as error:
        report.reject(str(path), error.strerror or error)
        return []


def format_of(suffix: str, start: bytes) -> Format | None:
    """The format of a file, by its name, else by its first bytes; None if neither tells."""
    told = SUFFIXES.get(suffix) or _told_by(start)
    laid_out = start.lstrip()[1:2] in (b"\n", b"\r", b"")
    return JSON_LINES if told is JSON and not laid_out else told


def _told_by(start: bytes) -> Format | None:
    if start.lstrip().startswith(b"{"):
        return JSON
    if start.startswith((b"http_", b"socket_")):
        return TEXT
    if start[:1] in _TAGS:
        return BINARY
    try:
        delimited(bytearray(start), 0)
    except FramingError:
        return None
    length = next((at for at, byte in enumerate(start) if byte < 0x80), 0) + 1
    return DELIMITED if start[length : length + 1] in _TAGS else None


class _Reading:
    """One file's way from its bytes to exchanges; ``written`` is when, in epoch seconds."""

    def __init__(
        self,
        path: Path,
        report: Report,
        assembler: Assembler,
        sockets: Sockets,
        written: float,
    ) -> None:
        self._path = path
        self._report = report
        self._assembler = assembler
        self._streams = Streams()
        self._sockets = sockets
        self._written = written

    def run(self, file: BinaryIO) -> Iterator[Exchange]:
        chunk = file.read(CHUNK)
        told = format_of(self._path.suffix, chunk)
        if told is None:
            if chunk:
                self._reject(0, "no file of traces")
            return
        frames = Frames(told.cut)
        try:
            while chunk:
                for offset, data in frames.feed(chunk):
                    yield from self._read(told, offset, data)
                chunk = file.read(CHUNK)
            if left := frames.close():
                yield from self._read_last(told, frames.offset, left)
        except FramingError as error:
            self._reject(frames.offset, f"{error}; the rest is not read")
        yield from self._streamed(self._streams.flush())
        yield from self._sockets.flush(self._assembler.topology)
        self._report.incomplete += self._streams.evicted + self._sockets.lost

    def _read(self, told: Format, offset: int, data: bytes) -> Iterator[Exchange]:
        try:
            trace = told.decode(data)
        except DecodeError as error:
            self._reject(offset, error)
            return
        if trace is None:
            return
        self._report.traces += 1
        if isinstance(trace, BufferedTrace):
            yield self._assembler.exchange(trace, self._written)
        elif isinstance(trace, SocketTrace):
            yield from self._sockets.receive(trace, self._assembler.topology, self._written)
        else:
            yield from self._streamed(self._streams.receive(trace, self._written))

    def _streamed(self, traces: Iterable[BufferedTrace]) -> Iterator[Exchange]:
        """Segments have no times, so what they make has no duration."""
        for trace in traces:
            yield replace(self._assembler.exchange(trace, self._written), duration=None)

    def _read_last(self, told: Format, offset: int, left: bytes) -> Iterator[Exchange]:
        """What has no end: text that lost its last line feed is whole, anything else is cut off."""
        if not left.strip():
            return
        if told in (JSON, JSON_LINES, TEXT) and left.rstrip().endswith(b"}"):
            yield from self._read(told, offset, left)
        else:
            self._reject(offset, "a trace cut off")

    def _reject(self, offset: int, why: object) -> None:
        self._report.reject(f"{self._path}:{offset}", why)
