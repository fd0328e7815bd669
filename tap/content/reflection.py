"""Server reflection (``grpc.reflection.v1`` and ``v1alpha``): what to ask, and what was learnt.

Protocol logic: requests out, responses in, one response for each request. The door that sends them
is ``reflection_door``. https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from __future__ import annotations

from collections import deque

from tap.content.nouns import Undecodable
from tap.content.protobuf import BYTES, Field, fields_of, varint

VERSIONS = ("v1", "v1alpha")  # the same messages under two names, the newer one first
MAX_SERVICES = 200
MAX_FILES = 1_000
MAX_BYTES = 16 * 1024 * 1024  # of all descriptors

_FILE_BY_NAME, _FILE_OF_SYMBOL, _LIST = 3, 4, 7  # ServerReflectionRequest
_FILES, _SERVICES, _ERROR = 4, 6, 7  # ServerReflectionResponse
_NAME, _DEPENDENCY = 1, 3  # FileDescriptorProto
_OWN = "grpc.reflection."


class ReflectionError(Exception):
    """The server tells nothing, or too much, or nonsense."""


class Reflection:
    """``next()`` is the next request, None when all is known. ``receive`` takes its response.

    ``files`` are then serialised ``FileDescriptorProto`` messages, and ``notes`` what was refused.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.notes: list[str] = []
        self._asked: set[tuple[int, str]] = set()
        self._questions: deque[tuple[int, str]] = deque()
        self._bytes = 0
        self._ask(_LIST, "*")

    def next(self) -> bytes | None:
        while self._questions:
            kind, name = self._questions[0]
            if kind != _FILE_BY_NAME or name not in self.files:
                return _text_field(kind, name)
            self._questions.popleft()  # it came with another one
        return None

    def receive(self, response: bytes) -> None:
        """Raises ReflectionError."""
        kind, name = self._questions.popleft()
        try:
            for field in fields_of(response):
                if field.wire == BYTES and isinstance(field.value, bytes):
                    self._field(field.number, field.value, kind, name)
        except Undecodable as error:
            raise ReflectionError(f"what came is no reflection: {error}") from error

    def _field(self, number: int, data: bytes, kind: int, name: str) -> None:
        if number == _SERVICES:
            self._services(fields_of(data))
        elif number == _FILES:
            for field in fields_of(data):
                if field.number == 1 and isinstance(field.value, bytes):
                    self._file(field.value)
        elif number == _ERROR:
            said = next((_text(one) for one in fields_of(data) if one.number == 2), "")
            if kind == _LIST:
                raise ReflectionError(f"the server lists no services: {said}")
            self.notes.append(f"{name}: {said}")

    def _services(self, listed: list[Field]) -> None:
        names = [_text(name) for one in listed for name in _inner(one) if name.number == 1]
        names = [name for name in names if not name.startswith(_OWN)]
        if len(names) > MAX_SERVICES:
            raise ReflectionError(f"{len(names)} services, expected at most {MAX_SERVICES}")
        for name in names:
            self._ask(_FILE_OF_SYMBOL, name)

    def _file(self, data: bytes) -> None:
        fields = fields_of(data)
        name = next((_text(one) for one in fields if one.number == _NAME), "")
        if name in self.files:
            return
        self._bytes += len(data)
        if self._bytes > MAX_BYTES or len(self.files) >= MAX_FILES:
            raise ReflectionError(f"more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes")
        self.files[name] = data
        for one in fields:
            if one.number == _DEPENDENCY:
                self._ask(_FILE_BY_NAME, _text(one))

    def _ask(self, kind: int, name: str) -> None:
        if (kind, name) not in self._asked and len(self._asked) <= MAX_FILES + MAX_SERVICES:
            self._asked.add((kind, name))
            self._questions.append((kind, name))


def _inner(field: Field) -> list[Field]:
    return fields_of(field.value) if isinstance(field.value, bytes) else []


def _text(field: Field) -> str:
    return field.value.decode("utf-8", "replace") if isinstance(field.value, bytes) else ""


def _text_field(number: int, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return varint(number << 3 | BYTES) + varint(len(data)) + data
