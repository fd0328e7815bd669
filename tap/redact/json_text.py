"""JSON looked at as it is written: where values stand, whatever is broken, cut off or repeated.

A parser would have to write all anew: spaces, numbers and the order of keys would change. So
this walks over tokens, keeps a stack and gives spans. Documents in a row (JSON lines, SSE) are
walked one after the other, and what is between them is skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tap.redact.paths import Paths, States

MAX_TOKENS = 100_000  # of a container that is secret as a whole; the rest is one secret
MAX_DEPTH = 500  # containers in containers

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)?|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_NO_SECRETS = frozenset((b"true", b"false", b"null"))

Leaf = tuple[int, int, bool]  # start, end without quotes, whether it is a string


class TooDeep(ValueError):
    """More than MAX_DEPTH containers in one another."""


def leaves_of(data: bytes, at: int) -> tuple[list[Leaf], int]:
    """The strings and numbers in the container that begins at ``at``, and where it ends.

    Of objects, the keys are none.
    """
    found: list[Leaf] = []
    depth = 0
    last: Leaf | None = None  # a string that is a key if a colon follows
    for number, token in enumerate(_TOKEN.finditer(data, at)):
        if number > MAX_TOKENS:
            return [*found, (token.start(), len(data), False)], len(data)
        text = token[0]
        if last is not None and text != b":":
            found.append(last)
        last = None
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
            if depth == 0:
                return found, token.end()
        elif text not in b":,":
            last = _leaf(token)
    return (found if last is None else [*found, last]), len(data)


def _leaf(token: re.Match[bytes]) -> Leaf | None:
    text = token[0]
    if not text.startswith(b'"'):
        return None if text in _NO_SECRETS else (*token.span(), False)
    closed = len(text) > 1 and text.endswith(b'"')
    start, end = token.start() + 1, token.end() - closed
    return (start, end, True) if end > start else None


def unescaped(text: bytes) -> bytes:
    """What a JSON string says, given without its quotes; itself where it is none."""
    if b"\\" not in text:
        return text
    try:
        value: str = json.loads(b'"' + text + b'"')
        return value.encode("utf-8", "surrogatepass")
    except ValueError:  # cut off within an escape, or no UTF-8
        return text


@dataclass(slots=True)
class _Container:
    """An object or a list: the states of its own place, and those of the value that comes next."""

    states: States
    is_list: bool
    index: int = 0
    next: States = field(default_factory=frozenset)


def at_paths(data: bytes, paths: Paths) -> Iterator[Leaf]:
    """The strings and numbers at ``paths``, and in what is there. Raises TooDeep."""
    stack: list[_Container] = []
    scalar: re.Match[bytes] | None = None  # a key if a colon follows, and else a value
    for token in _TOKEN.finditer(data):
        text = token[0]
        if scalar is not None:
            yield from _settled(scalar, text, stack[-1], paths)
            scalar = None
        if text not in b"{}[]:,":
            scalar = token if stack else None
        else:
            _structure(text, stack, paths)
    if scalar is not None:
        yield from _settled(scalar, b"", stack[-1], paths)


def _structure(text: bytes, stack: list[_Container], paths: Paths) -> None:
    if text in b"{[":
        _enter(stack, text == b"[", paths)
    elif stack and text in b"}]":
        stack.pop()
    elif stack and text == b",":
        stack[-1].index += 1


def _settled(
    token: re.Match[bytes], then: bytes, container: _Container, paths: Paths
) -> Iterator[Leaf]:
    """``token`` is a key if a colon comes ``then``, and else a value."""
    if then == b":" and not container.is_list:
        container.next = paths.step(container.states, unescaped(token[0][1:-1]))
        return
    if paths.reached(_next(container, paths)):
        leaf = _leaf(token)
        if leaf is not None:
            yield leaf


def _next(container: _Container, paths: Paths) -> States:
    if container.is_list:
        return paths.step(container.states, container.index)
    return container.next


def _enter(stack: list[_Container], is_list: bool, paths: Paths) -> None:
    if len(stack) >= MAX_DEPTH:
        raise TooDeep(f"more than {MAX_DEPTH} levels of JSON")
    states = _next(stack[-1], paths) if stack else paths.start
    stack.append(_Container(states, is_list))
