"""Secrets in a recording: each is replaced by a text of the same length and look, everywhere.

What a secret is, whoever writes the recording says by the name of a header. Its value's parts are
then looked for in all that is recorded: in headers, bodies, logs, configurations and the trace.
Equal secrets get equal placeholders, letters stay letters and digits digits, so a filter that
passes a value on, compares it or looks at its length does the same in a replay. One that looks into
it (checks a signature, decodes a token) goes another way.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterator, Sequence
from secrets import token_bytes
from typing import Any

from wasm_filters.recording.file import put_together
from wasm_filters.recording.lines import Header, Line
from wasm_filters.recording.recording import Recording

SHORTEST = 6  # a part of a value that is shorter is no secret, and would tear up the text around it
_SCHEMES = frozenset((b"bearer", b"basic", b"digest", b"negotiate"))  # RFC 9110, section 11.1
_PARTS = re.compile(rb"[\s;,]+")
_PATH_NAME = re.compile(r"headers(?:\.([^.\[]+)|\['([^']+)'\])$")
_LETTERS = (b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789")
# words of the ABI and of recordings, whatever a secret may be
_AS_THEY_ARE = frozenset(
    {"kind", "call", "inside", "plugin", "callback", "mode", "failure_policy", "file", "sha256"}
    | {"name", "by", "clusters", "capabilities", "paused", "metrics", "masked"}
    | {"map", "buffer", "stream", "level", "type", "peer", "clock", "root_id", "vm_id"}
)
IsSecret = Callable[[str], bool]


def masked(recording: Recording, is_secret: IsSecret) -> Recording:
    """The recording without the values of the headers whose names are secret."""
    plain = [line.model_dump(mode="json") for line in recording.lines()]
    secrets = {
        part for line in plain for value in _secrets(line, is_secret) for part in _parts(value)
    }
    if not secrets:
        return recording
    key = token_bytes(32)
    marks = {secret: _mark(secret, key) for secret in secrets}
    longest_first = sorted(secrets, key=len, reverse=True)
    pattern = re.compile(b"|".join(re.escape(one) for one in longest_first))
    cleaned = _Cleaner(pattern, marks)
    return _again(recording, cleaned, sorted(marks.values()))


def _again(recording: Recording, cleaned: _Cleaner, masks: Sequence[bytes]) -> Recording:
    lines: list[Line] = [cleaned.line(line) for line in recording.lines()]
    found = put_together(enumerate(lines, 1), "recording")
    header = found.header.model_copy(update={"masked": list(masks)})
    found.header = header
    return found


class _Cleaner:
    """Puts the placeholders in."""

    def __init__(self, pattern: re.Pattern[bytes], marks: dict[bytes, bytes]) -> None:
        self._pattern = pattern
        self._marks = marks

    def line(self, line: Any) -> Any:
        return type(line).model_validate(self._value(line.model_dump(mode="json")))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._bytes(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return self._object(value)
        return value

    def _object(self, value: dict[str, Any]) -> Any:
        if set(value) == {"base64"}:
            return {"base64": b64encode(self._bytes(b64decode(value["base64"]))).decode()}
        if set(value) == {"cut", "size"}:
            return {"cut": self._cut(value["cut"]), "size": value["size"]}
        return {
            key: item if _stays(key, item) else self._value(item) for key, item in value.items()
        }

    def _cut(self, value: Any) -> Any:
        """The beginning of a secret may be all that is left of it at the end."""
        if not isinstance(value, str):
            return self._value(value)
        data = self._bytes(value.encode())
        for secret, mark in self._marks.items():
            at = data.rfind(secret[:SHORTEST], max(0, len(data) - len(secret)))
            if at >= 0 and secret.startswith(data[at:]):
                data = data[:at] + mark[: len(data) - at]
        return data.decode("utf-8", "replace")

    def _bytes(self, data: bytes) -> bytes:
        return self._pattern.sub(lambda found: self._marks[found[0]], data)


def _stays(key: str, item: Any) -> bool:
    return key in _AS_THEY_ARE or (key == "answer" and isinstance(item, str))


def _mark(secret: bytes, key: bytes) -> bytes:
    """As long, and each character of the same kind; what is not ASCII becomes ``~``."""
    stream = hmac.new(key, secret, "sha512").digest()
    out = bytearray()
    for at, byte in enumerate(secret):
        letters = next((some for some in _LETTERS if byte in some), None)
        random = stream[at % len(stream)] + at
        out.append(letters[random % len(letters)] if letters else (byte if byte < 0x80 else 0x7E))
    return bytes(out)


def _secrets(value: Any, is_secret: IsSecret) -> Iterator[bytes]:
    """The values of all secret fields in plain data, however they are written there."""
    if isinstance(value, list):
        if _is_pair(value) and is_secret(value[0]):
            yield _raw(value[1])
        for item in value:
            yield from _secrets(item, is_secret)
    elif isinstance(value, dict):
        if "call" in value and "arguments" in value and "results" in value:
            yield from _of_call(value["arguments"], value["results"], is_secret)
        for item in value.values():
            yield from _secrets(item, is_secret)


def _is_pair(value: list[Any]) -> bool:
    return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (str, dict))


def _of_call(arguments: Any, results: Any, is_secret: IsSecret) -> Iterator[bytes]:
    """The value of one field that a hostcall read or wrote."""
    if not isinstance(arguments, dict) or not isinstance(results, dict):
        return
    name = arguments.get("key")
    path = arguments.get("path")
    if isinstance(path, str) and (found := _PATH_NAME.search(path)):
        name = found[1] or found[2]
    if isinstance(name, str) and is_secret(name):
        for value in (arguments.get("value"), results.get("value")):
            if value is not None:
                yield _raw(value)


def _raw(value: Any) -> bytes:
    if isinstance(value, dict) and "cut" in value:
        return _raw(value["cut"])
    if isinstance(value, dict):
        return b64decode(value["base64"]) if isinstance(value.get("base64"), str) else b""
    return str(value).encode("utf-8", "surrogatepass")


def _parts(value: bytes) -> Iterator[bytes]:
    """What of a field's value is secret: its parts without the scheme, without a cookie's name."""
    for part in _PARTS.split(value):
        _, _, after = part.partition(b"=")
        if after.strip(b"="):  # a cookie; else the end may be base64's padding
            part = after
        if len(part) >= SHORTEST and part.lower() not in _SCHEMES:
            yield part
            yield from _decoded(part)


def _decoded(part: bytes) -> Iterator[bytes]:
    """The password of HTTP's basic scheme."""
    try:
        text = b64decode(part, validate=True)
    except (Error, ValueError):
        return
    _, colon, password = text.partition(b":")
    if colon and text.isascii() and len(password) >= SHORTEST:
        yield password


class Masked:
    """What of a recording stands for secrets, and need not be the same in a replay: a filter may
    have it from its configuration, which holds it as it is."""

    def __init__(self, header: Header) -> None:
        longest_first = sorted(header.masked, key=len, reverse=True)
        texts = [re.escape(one.decode("utf-8", "replace")) for one in longest_first if one]
        self._pattern = re.compile("|".join(texts)) if texts else None

    def same(self, recorded: Any, replayed: Any) -> bool:
        """Whether both are equal but for what stands for secrets, which has the same length."""
        if self._pattern is None or type(recorded) is not type(replayed):
            return bool(recorded == replayed)
        if isinstance(recorded, (list, tuple)):
            return len(recorded) == len(replayed) and all(map(self.same, recorded, replayed))
        if isinstance(recorded, dict):
            return recorded.keys() == replayed.keys() and all(
                self.same(value, replayed[key]) for key, value in recorded.items()
            )
        if isinstance(recorded, bytes):
            return self._same_text(recorded.decode("latin-1"), replayed.decode("latin-1"))
        if isinstance(recorded, str):
            return self._same_text(recorded, replayed)
        return bool(recorded == replayed)

    def _same_text(self, recorded: str, replayed: str) -> bool:
        if recorded == replayed:
            return True
        if self._pattern is None or len(recorded) != len(replayed):
            return False
        spans = [found.span() for found in self._pattern.finditer(recorded)]
        return _without(recorded, spans) == _without(replayed, spans)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in spans:
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])
