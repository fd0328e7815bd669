"""What no regular expression can tell: whether digits are a card's, or a word after Bearer a token.

A check gets the bytes and where the candidate stands, and gives the span that is a secret, or None.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

Span = tuple[int, int]
Check = Callable[[bytes, int, int], Span | None]

CARD_LENGTHS = range(13, 20)  # ISO/IEC 7812-1

_WORD = re.compile(rb"[A-Za-z]?[a-z-]{0,14}[.,]?")  # prose: "bearer authentication", "Bearer Token"
_DIGITS = re.compile(rb"\d+")
_ISSUERS = re.compile(  # Visa, Mastercard and Maestro, American Express, Diners, JCB, and 6…
    rb"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|6|8|9)|35(?:2[89]|[3-8])|6"
)


def bearer(data: bytes, start: int, end: int) -> Span | None:
    """A token has digits, capitals or length: what follows in prose has not."""
    return None if _WORD.fullmatch(data, start, end) else (start, end)


def basic(data: bytes, start: int, end: int) -> Span | None:
    """``user:password`` in base64 (RFC 7617, section 2), which few words are."""
    text = data[start:end].replace(b"-", b"+").replace(b"_", b"/")
    text = re.sub(rb"(?:=|%3[dD])+$", b"", text)
    try:
        decoded = base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return (start, end) if b":" in decoded else None


def card(data: bytes, start: int, end: int) -> Span | None:
    """The first 13 to 19 digits, in whole groups, that pass Luhn's check and are an issuer's.

    Digits that go on in a word or a fraction (``a4111…``, ``0.4111…``) are none.
    """
    if _inside(data, start, end):
        return None
    groups = [found.span() for found in _DIGITS.finditer(data, start, end)]
    for first, (begin, _) in enumerate(groups):
        number = b""
        for left, right in groups[first:]:
            number += data[left:right]
            if len(number) > CARD_LENGTHS[-1]:
                break
            if len(number) in CARD_LENGTHS and _ISSUERS.match(number) and luhn(number):
                return begin, right
    return None


def _inside(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    return (
        before[-1:].isalpha()
        or after[:1].isalpha()
        or (before[-1:] == b"." and before[:1].isdigit())
        or (after[:1] == b"." and after[1:].isdigit())
    )


def luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1, annex B."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(odd) - 48 * len(odd) + sum(_DOUBLED[digit] for digit in even)) % 10 == 0


_DOUBLED = {48 + digit: digit * 2 - 9 * (digit > 4) for digit in range(10)}

CHECKS: Mapping[str, Check] = {"bearer": bearer, "basic": basic, "card": card}
