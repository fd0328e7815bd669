"""Names of secrets as regular expressions: ``*access_token`` finds ``accessToken`` and the like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tap.redact.linear import Regex, regex

MAX_NAME = 256  # bytes; a longer name is looked at in its last ones

BOUNDARY = r"(?:^|[^A-Za-z0-9])"
_SEPARATOR = r"[-_. ]?"
_LAST = re.compile(rb"\[([^\[\]]+)\](?:\[\d*\])*$")  # user[password], tokens[0], cards[]
_INDEX = re.compile(rb"\[\d*\]$")


def expression(names: Sequence[str]) -> str:
    """Finds any of the names, from the boundary before it to its end; case is ignored."""
    return _either(names, BOUNDARY, "")


def element(names: Sequence[str]) -> str:
    """Finds the start tag of an element (XML) with any of the names."""
    return _either(names, r"<(?:[\w:.-]*[:._-])?", r"<[\w:.-]*") + r"(?:\s[^<>]*)?>"


def _either(names: Sequence[str], boundary: str, anything: str) -> str:
    whole = [_fragment(name) for name in names if not name.startswith("*")]
    ends = [_fragment(name.lstrip("*")) for name in names if name.startswith("*")]
    parts = [rf"{boundary}(?:{'|'.join(whole)})"] if whole else []
    parts += [rf"{anything}(?:{'|'.join(ends)})"] if ends else []
    return f"(?i:{'|'.join(parts)})"


def _fragment(name: str) -> str:
    marks = {"*": r"[\w.-]*", "-": _SEPARATOR, "_": _SEPARATOR}
    return "".join(marks.get(one) or re.escape(one) for one in name)


class Names:
    """``matches(name)`` for one name that is already cut out, remembered for the next time."""

    def __init__(self, names: tuple[str, ...], keep: tuple[str, ...] = ()) -> None:
        self._secret = _whole(names)
        self._kept = _whole(keep)
        self._remembered = lru_cache(maxsize=4096)(self._matches)

    def matches(self, name: bytes) -> bool:
        return self._remembered(name[-MAX_NAME:])

    def kept(self, name: bytes) -> bool:
        """Whether somebody said that this one is no secret."""
        return self._kept is not None and self._kept.fullmatch(name) is not None

    def _matches(self, name: bytes) -> bool:
        name = _INDEX.sub(b"", name.strip())
        last = _LAST.search(name)
        name = last[1] if last else name
        if self._secret is None or self._secret.fullmatch(name) is None:
            return False
        return not self.kept(name)


def _whole(names: tuple[str, ...]) -> Regex | None:
    """Of a whole name: anything may come before it that ends where a word does."""
    return regex(rf"(?s:.*){expression(names)}") if names else None
