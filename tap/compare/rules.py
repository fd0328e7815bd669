"""Rules: which differences do not count. Some hold unless they are turned off.

| rule | ignores |
|---|---|
| ``$.path`` | what is at this path of a JSON or gRPC body, and below it |
| ``header:NAME`` | this header or trailer |
| ``status``, ``body`` | these parts |
| ``times`` | points in time and, in numbers, what is named as one or as a duration |
| ``ids`` | UUIDs, ULIDs, trace contexts, and long hexadecimal texts that are named as ids |
| ``none`` | nothing: turns off ``times``, ``ids`` and the table of headers |

A kind is told by both values, never by one: a time that became "soon" counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mesh_yaml.suggest import suggest
from tap.redact.marks import MARK
from tap.redact.paths import PathError, Paths

TIMES, IDS, STATUS, BODY, NONE = "times", "ids", "status", "body", "none"
WORDS = (TIMES, IDS, STATUS, BODY, NONE)
MASKED = "masked"
DEFAULTS = (TIMES, IDS)

_HOP_BY_HOP = "is of one connection"  # RFC 9110, section 7.6.1
_EACH_TIME = "is another one each time"
_TRACE = "names one trace"
HEADERS: Mapping[str, str] = {
    "connection": _HOP_BY_HOP,
    "keep-alive": _HOP_BY_HOP,
    "proxy-connection": _HOP_BY_HOP,
    "te": _HOP_BY_HOP,
    "trailer": _HOP_BY_HOP,
    "transfer-encoding": _HOP_BY_HOP,
    "upgrade": _HOP_BY_HOP,
    "date": _EACH_TIME,
    "age": _EACH_TIME,
    "server-timing": _EACH_TIME,
    "x-request-id": _EACH_TIME,
    "x-envoy-upstream-service-time": _EACH_TIME,
    "x-envoy-attempt-count": _EACH_TIME,
    "traceparent": _TRACE,
    "tracestate": _TRACE,
    "b3": _TRACE,
    "x-b3-traceid": _TRACE,
    "x-b3-spanid": _TRACE,
    "content-length": "follows from the body",
}

_DATE_TIME = (  # RFC 3339, also with a blank; RFC 9110, section 5.6.7
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
)
_ID = (  # W3C Trace Context, section 3.2; RFC 9562; ULID
    r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b"
    r"|\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"
    r"|\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"
)
_KINDS: Mapping[str, re.Pattern[str]] = {TIMES: re.compile(_DATE_TIME), IDS: re.compile(_ID)}
_MASK = re.compile(MARK.pattern.decode())
_TIME_NAME = re.compile(
    r"(?i:time|date|stamp|duration|elapsed|latency|took|uptime)|(?:_|\b)(?:ms|ns|us|at|ts|age)$"
    r"|[a-z](?:At|Ms|Ns)$"
)
_ID_NAME = re.compile(r"(?:^|[_-])(?:id|ids|trace|span|nonce)$|[a-z](?:Id|ID|Ids)$", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]{16,128}")
MAX_LOOKED_AT = 10_000  # characters of a text in which times and ids are looked for


class RuleError(ValueError):
    """A rule that is none; the message says what was expected."""


@dataclass(frozen=True)
class Rules:
    """``words`` of WORDS, ``headers`` in lower case, ``paths`` into bodies."""

    words: frozenset[str] = frozenset(DEFAULTS)
    headers: frozenset[str] = frozenset()
    paths: Paths = field(default_factory=lambda: Paths(()))
    table: Mapping[str, str] = field(default_factory=lambda: HEADERS)

    @classmethod
    def of(cls, texts: Iterable[str] = ()) -> Rules:
        """The defaults and these rules. Raises RuleError."""
        words, headers, paths = set(DEFAULTS), set(), []
        table = HEADERS
        for text in texts:
            if text.startswith("$"):
                paths.append(text)
            elif text.startswith("header:") and text != "header:":
                headers.add(text.removeprefix("header:").strip().lower())
            elif text == NONE:
                words -= set(DEFAULTS)
                table = {}
            elif text in WORDS:
                words.add(text)
            else:
                known = suggest(text, (*WORDS, "header:NAME", "$.path"))
                raise RuleError(f"unknown rule {text!r}{known}")
        return cls(frozenset(words), frozenset(headers), _paths(paths), table)

    def of_header(self, name: str) -> str:
        """The rule by which the field is ignored, "" if none does."""
        lower = name.lower()
        return f"header:{lower}" if lower in self.headers or lower in self.table else ""

    def of_texts(self, before: str, after: str) -> str:
        """The rule by which these texts are the same, "" if they are not."""
        before, after = before[:MAX_LOOKED_AT], after[:MAX_LOOKED_AT]
        if _MASK.search(before) or _MASK.search(after):
            return MASKED
        rules = []
        for word, pattern in _KINDS.items():
            if word in self.words:
                blank = pattern.sub(word, before), pattern.sub(word, after)
                if blank[0] != before and blank[1] != after:
                    before, after = blank
                    rules.append(word)
        return ", ".join(rules) if before == after else ""

    def of_values(self, name: str, before: Any, after: Any) -> str:
        """The rule by which two different scalars of JSON are the same; ``name`` is the nearest
        one above them."""
        if isinstance(before, str) and isinstance(after, str):
            if IDS in self.words and _are_hex_ids(name, before, after):
                return IDS
            return self.of_texts(before, after)
        if TIMES in self.words and _is_number(before) and _is_number(after):
            return TIMES if _TIME_NAME.search(name) else ""
        return ""


def _paths(texts: list[str]) -> Paths:
    try:
        return Paths(texts)
    except PathError as error:
        raise RuleError(str(error)) from error


def _are_hex_ids(name: str, before: str, after: str) -> bool:
    if len(before) != len(after) or not _ID_NAME.search(name):
        return False
    return bool(_HEX.fullmatch(before) and _HEX.fullmatch(after))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
