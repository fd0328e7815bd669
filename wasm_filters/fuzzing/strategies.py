"""What cases are made of. Each shrinks to the shortest that still says something."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from wasm_filters.fuzzing.configurations import configurations
from wasm_filters.fuzzing.draft import Draft
from wasm_filters.fuzzing.lexicon import Lexicon

Strategy = st.SearchStrategy
MAX_FIELDS = 5
MAX_STEPS = 3
MAX_PIECES = 4
HEADERS = (
    "content-type", "authorization", "cookie", "accept", "user-agent", "host", "content-length",
    "x-forwarded-for", "x-request-id", "content-encoding", "te", "grpc-timeout", "origin",
)  # fmt: skip
VALUES = (
    "", "0", "-1", "1", "true", "null", "*", "/", "application/json", "application/grpc",
    "text/plain; charset=utf-8", "gzip", "Bearer x", "Bearer ", "Basic dTpw", "4294967296",
    "99999999999999999999", "1e999", "a" * 300, "ü", "a=b; c=d", "=;=", ",,,", "..", "%00", "{}",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "X")
STATUSES = (200, 204, 304, 301, 400, 401, 403, 404, 429, 500, 503, 100, 101, 599)
_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


def drafts(lexicon: Lexicon, configuration: str) -> Strategy[Draft]:
    """Cases for a filter with these words, whose own configuration is given."""
    words = lexicon.words.list()
    clusters = lexicon.clusters.list()
    answered = st.fixed_dictionaries({name: _answers(lexicon, words) for name in clusters[:5]})
    shared = st.dictionaries(
        st.sampled_from(lexicon.keys.list() or ["k"]), _values(words), max_size=2
    )
    one = _step(lexicon, words)
    return st.builds(
        Draft,
        one.map(lambda step: [step]) | st.lists(one, min_size=1, max_size=MAX_STEPS),
        st.none() | st.none() | configurations(configuration, words),
        answered if clusters else st.just({}),
        shared if len(lexicon.keys) else st.just({}),
    )


def _step(lexicon: Lexicon, words: list[str]) -> Strategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"request": _request(lexicon, words)},
        optional={
            "advance": st.sampled_from(["1s", "1ms", "10s", "5m"]),
            "upstream": _answer(lexicon, words),
        },
    )


def _request(lexicon: Lexicon, words: list[str]) -> Strategy[dict[str, Any]]:
    names = lexicon.request_headers.list()
    return st.fixed_dictionaries(
        {"path": _paths(words)},
        optional={
            "method": st.sampled_from(METHODS),
            "headers": _fields(names, words),
            "body": _bodies(words),
            "trailers": _fields(names, words),
            "chunks": _pieces(),
            "authority": st.sampled_from(["", "a", "a:80", "[::1]:80"]) | _values(words),
        },
    )


def _answer(lexicon: Lexicon, words: list[str]) -> Strategy[dict[str, Any]]:
    names = lexicon.answer_headers.list()
    response = st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from([code for code in STATUSES if code >= 200]),
            "headers": _fields(names, words),
            "body": _bodies(words),
            "trailers": _fields(names, words),
            "chunks": _pieces(),
            "after": st.sampled_from(["1ms", "1s", "20s"]),
        },
    )
    return response | st.just({"refused": True})


def _answers(lexicon: Lexicon, words: list[str]) -> Strategy[list[dict[str, Any]]]:
    """One after the other to a cluster's calls; the last to all that follow."""
    grpc = st.fixed_dictionaries(
        {"grpc": st.fixed_dictionaries(
            {}, optional={
                "messages": st.lists(_bodies(words), max_size=2),
                "status": st.integers(0, 16),
            },
        )}
    )  # fmt: skip
    one = _answer(lexicon, words) | grpc | st.just({"never": True})
    return st.lists(one, min_size=1, max_size=3).map(_in_turn)


def _in_turn(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*({**answer, "times": 1} for answer in answers[:-1]), answers[-1]]


def _values(words: list[str]) -> Strategy[str]:
    known = st.sampled_from(VALUES) | _TEXT
    if not words:
        return known
    word = st.sampled_from(words)
    joined = st.builds(
        "{}{}{}".format, word, st.sampled_from(["", " ", "=", "/", ";"]), word | _TEXT
    )
    part = st.builds(lambda text, at: text[: max(1, at)], word, st.integers(0, 10))
    return known | word | joined | part | _tokens(words)  # in front what is simplest


def _tokens(words: list[str]) -> Strategy[str]:
    """Looks like a JWT: three parts in base64, or fewer, or broken ones."""
    claims = st.dictionaries(st.sampled_from(words), _json(words), max_size=3)
    part = claims.map(lambda value: _base64(json.dumps(value))) | _TEXT.map(_base64)
    parts = st.lists(part, min_size=1, max_size=4).map(".".join)
    return st.builds("{}{}".format, st.sampled_from(["Bearer ", "", "bearer "]), parts)


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _fields(names: list[str], words: list[str]) -> Strategy[dict[str, list[str]]]:
    known = st.sampled_from([*names, *names, *HEADERS])
    values = st.lists(_values(words), min_size=1, max_size=2)
    return st.dictionaries(known, values, min_size=1, max_size=MAX_FIELDS)


def _paths(words: list[str]) -> Strategy[str]:
    visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
    known = [word for word in words if word.startswith("/")] or ["/"]
    path = st.sampled_from(known) | st.text(visible, max_size=12).map("/{}".format)
    queried = st.builds("{}?{}".format, path, st.text(visible, max_size=12))
    return st.just("/") | path | queried


def _json(words: list[str]) -> Strategy[Any]:
    scalars = (
        st.none() | st.booleans() | st.integers(-(2**65), 2**65)
        | st.floats(allow_nan=False) | _TEXT | st.sampled_from(words or ["a"])
    )  # fmt: skip
    keys = st.sampled_from(words or ["a"]) | _TEXT
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def _bodies(words: list[str]) -> Strategy[dict[str, Any]]:
    text = (
        _values(words)
        | _json(words).map(json.dumps)
        | _json(words).map(lambda value: json.dumps(value)[:-1])
        | st.integers(0, 9000).map(lambda depth: "[" * depth)
    )
    raw = st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
    return (
        text.map(lambda value: {"text": value})
        | raw.map(lambda value: {"base64": value})
        | st.sampled_from([1, 1000, 70_000]).map(lambda size: {"size": size})
    )


def _pieces() -> Strategy[int | list[int]]:
    size = st.integers(1, 20)
    return size | st.lists(size, min_size=1, max_size=MAX_PIECES)
