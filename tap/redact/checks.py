"""What no regular expression can tell: whether digits are a card's, or a word after Bearer a token.

A check gets the bytes and where the candidate stands. It gives whether that is a secret, and where
to look on if it is not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

Check = Callable[[bytes, int, int], tuple[bool, int]]

_WORD = re.compile(rb"[A-Za-z]?[a-z-]{0,14}[.,]?")  # prose: "bearer authentication", "Bearer Token"
_PADDING = re.compile(rb"(?:=|%3[dD])+$")
_DIGITS = re.compile(rb"\d+")
_SEPARATORS = b" +-"
_ISSUERS = re.compile(  # Visa, Mastercard and Maestro, American Express, Diners, JCB, and 6…
    rb"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|6|8|9)|35(?:2[89]|[3-8])|6"
)


def bearer(data: bytes, start: int, end: int) -> tuple[bool, int]:
    """A token has digits, capitals or length: what follows in prose has not. A word may be the
    scheme of the next: ``bearer Bearer TOKEN``.
    """
    is_word = _WORD.fullmatch(data, start, end) is not None
    return not is_word, start if is_word else end


def basic(data: bytes, start: int, end: int) -> tuple[bool, int]:
    """``user:password`` in base64 (RFC 7617, section 2), which few words are; another may be the
    scheme of what follows.
    """
    text = _PADDING.sub(b"", data[start:end]).replace(b"-", b"+").replace(b"_", b"/")
    try:
        hides = b":" in base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        hides = False
    return hides, end if hides else start


def card(data: bytes, start: int, end: int) -> tuple[bool, int]:
    """Of an issuer, and with a check digit that fits: one number of ten does that by chance.

    Digits that go on in a word, a fraction or more digits (``a4111…``, ``0.4111…``) are none.
    """
    number = data[start:end].translate(None, _SEPARATORS)
    if _ISSUERS.match(number) and luhn(number) and not _goes_on(data, start, end):
        return True, end
    group = _DIGITS.match(data, start)
    return False, group.end() if group else end  # a number may begin at the next group


def _goes_on(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    return (
        before[-1:].isalnum()
        or after[:1].isalnum()
        or (before[-1:] == b"." and before[:1].isdigit())
        or (after[:1] == b"." and after[1:].isdigit())
    )


def luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1, annex B."""
    odd, even = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
    return (sum(odd) + sum(even) - 48 * len(digits)) % 10 == 0


_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")

CHECKS: Mapping[str, Check] = {"bearer": bearer, "basic": basic, "card": card}
