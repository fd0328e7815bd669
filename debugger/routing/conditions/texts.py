"""How a text must look: Envoy's matchers of strings, compiled.

ASCII alone has upper and lower case here, as for Envoy, and a regular expression is RE2's over
bytes, of the whole text.
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/type/matcher/v3/string.proto
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tap.redact.linear import RegexError, regex

Holds = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class TextMatch:
    """``words`` say what is wanted. ``holds`` is ``None`` where that is not read here."""

    words: str
    holds: Holds | None


def ascii_lower(text: str) -> str:
    """``text`` with A-Z in lower case, and nothing else."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def string_match(message: Any) -> TextMatch:
    """From a ``StringMatcher``."""
    kind = message.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return regex_match(message.safe_regex)
    if kind in _KINDS:
        return text_match(kind, getattr(message, kind), message.ignore_case)
    return TextMatch("a custom matcher", None)


def text_match(kind: str, wanted: str, ignore_case: bool = False) -> TextMatch:
    """``kind`` is one of ``exact``, ``prefix``, ``suffix`` and ``contains``."""
    words = repr(wanted) if kind == "exact" else f"{kind} {wanted!r}"
    if not ignore_case:
        return TextMatch(words, _KINDS[kind](wanted))
    plain = _KINDS[kind](ascii_lower(wanted))
    return TextMatch(f"{words}, in any case", lambda text: plain(ascii_lower(text)))


def regex_match(message: Any) -> TextMatch:
    """From a ``RegexMatcher``."""
    words = f"regex {plain(message.regex)}"
    try:
        found = regex(message.regex)
    except RegexError as error:
        return TextMatch(f"{words}, which Envoy refuses: {error}", None)
    match = found.fullmatch
    return TextMatch(words, lambda text: match(to_bytes(text)) is not None)


def plain(text: str) -> str:
    """A text of the configuration, to be shown: as it is, but for what no terminal should get."""
    return repr(text)[1:-1].replace("\\\\", "\\")


def to_bytes(text: str) -> bytes:
    """The bytes that came."""
    return text.encode("utf-8", "surrogateescape")


def _exact(wanted: str) -> Holds:
    return lambda text: text == wanted


def _prefix(wanted: str) -> Holds:
    return lambda text: text.startswith(wanted)


def _suffix(wanted: str) -> Holds:
    return lambda text: text.endswith(wanted)


def _contains(wanted: str) -> Holds:
    return lambda text: wanted in text


_KINDS: dict[str, Callable[[str], Holds]] = {
    "exact": _exact,
    "prefix": _prefix,
    "suffix": _suffix,
    "contains": _contains,
}
