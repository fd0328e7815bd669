"""The words of one filter: what it asks for by name, and the texts in its module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wasm_filters.abi import MapType
from wasm_filters.errors import BadPointer, GuestStopped
from wasm_filters.hostcalls import Hostcall
from wasm_filters.inspection.sections import SectionsError, sections
from wasm_filters.machine import Listener
from wasm_filters.state.host import Host

MAX_WORDS = 2000
MAX_NAMES = 200  # of each kind
MAX_LENGTH = 80  # bytes of one
_DATA = 11  # the id of the data section
_RUN = re.compile(rb"[\x20-\x7e]{3,400}")
_WIDE_RUN = re.compile(rb"(?:[\x20-\x7e]\x00){3,400}")  # AssemblyScript's strings are UTF-16
_WORD = re.compile(r"[A-Za-z0-9_:/.=+-]{3,40}")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+\Z")


class Names:
    """Texts in the order in which they were met, each once, no more than ``most``."""

    def __init__(self, given: Iterable[str] = (), most: int = MAX_NAMES) -> None:
        self._most = most
        self._known: dict[str, None] = {}
        for one in given:
            self.add(one)

    def add(self, text: str) -> None:
        if 0 < len(text) <= MAX_LENGTH and len(self._known) < self._most:
            self._known[text] = None

    def list(self) -> list[str]:
        return list(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(slots=True)
class Lexicon:
    """``words`` are texts that values may be; the rest are names that the filter asks by."""

    words: Names = field(default_factory=lambda: Names(most=MAX_WORDS))
    request_headers: Names = field(default_factory=Names)
    answer_headers: Names = field(default_factory=Names)
    clusters: Names = field(default_factory=Names)
    keys: Names = field(default_factory=Names)

    @classmethod
    def of(cls, code: bytes, *texts: str, clusters: Sequence[str] = ()) -> Lexicon:
        """The words of a module's data and of ``texts`` (its configuration)."""
        found = cls(clusters=Names(clusters))
        for text in (*texts, *_strings(code)):
            for word in _WORD.findall(text):
                found.words.add(word)
        return found

    @property
    def size(self) -> int:
        """How much is known; it only grows."""
        names = (self.request_headers, self.answer_headers, self.clusters, self.keys)
        return sum(len(one) for one in names)


def _strings(code: bytes) -> list[str]:
    try:
        found = [section for section in sections(code) if section.id == _DATA]
    except SectionsError:
        return []  # it will not load either
    texts: list[str] = []
    for section in found:
        data = code[section.start : section.end]
        texts += [run.decode("ascii") for run in _RUN.findall(data)]
        texts += [run.decode("utf-16-le") for run in _WIDE_RUN.findall(data)]
    return texts


class Ears(Listener):
    """Hears by which names the filter asks, and keeps them in ``lexicon``."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        """Callbacks say nothing new."""

    def returned(self, name: str, result: int | None, host: Host) -> None:
        """Nor do their answers."""

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        """Nor how they end."""

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        """What the host says is known."""

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        at = _TEXTS.get(call.name)
        if at is None:
            return
        try:
            raw = host.memory.peek(arguments[at], min(arguments[at + 1], MAX_LENGTH + 1))
        except BadPointer:
            return
        text = raw.decode("utf-8", "replace")
        if text.isprintable() or "\0" in text:
            self._learn(call.name, arguments, text)

    def _learn(self, name: str, arguments: tuple[int, ...], text: str) -> None:
        lexicon = self._lexicon
        if "header_map" in name:
            self._header(arguments[0], text.lower())
        elif name == "proxy_get_property":
            family, _, header = text.partition("\0headers\0")
            if header and _NAME.match(header):
                kind = MapType.REQUEST_HEADERS if family == "request" else MapType.RESPONSE_HEADERS
                self._header(kind, header.lower())
        elif name.endswith("shared_data"):
            lexicon.keys.add(text)
        else:
            lexicon.clusters.add(text)

    def _header(self, kind: int, name: str) -> None:
        if _NAME.match(name):
            request = kind <= MapType.REQUEST_TRAILERS
            (self._lexicon.request_headers if request else self._lexicon.answer_headers).add(name)


_TEXTS = {  # which argument is the address of the name
    "proxy_get_header_map_value": 1,
    "proxy_add_header_map_value": 1,
    "proxy_replace_header_map_value": 1,
    "proxy_remove_header_map_value": 1,
    "proxy_get_property": 0,
    "proxy_get_shared_data": 0,
    "proxy_set_shared_data": 0,
    "proxy_http_call": 0,
    "proxy_grpc_call": 0,
    "proxy_grpc_stream": 0,
}
