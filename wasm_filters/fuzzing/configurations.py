"""Configurations that are nearly the one that was given."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
BROKEN = ("", "{}", "[]", "null", "0", '""', "{", "[[]]", '{"": null}', "\\", "a: b")
EXTREMES: Sequence[Any] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**64,
    -(2**63),
    1e308,
    0.1,
    "",
    "0",
    [],
    {},
    "a" * 300,
)
MAX_PLACES = 500


def configurations(given: str, words: list[str]) -> st.SearchStrategy[str]:
    """Other texts than ``given``: if it is JSON, mostly with one or two of its values changed."""
    broken = st.sampled_from([*BROKEN, given[: len(given) // 2], f"{given}x"])
    try:
        document = json.loads(given)
    except ValueError:
        return broken | st.builds(_with, st.just(given), st.integers(0, 1000), _values(words))
    places = list(_places(document))[:MAX_PLACES]
    change = st.tuples(st.sampled_from(places), st.sampled_from(_WAYS), _values(words))
    changed = st.lists(change, min_size=1, max_size=2).map(lambda some: _changed(document, some))
    return changed | broken


def _values(words: list[str]) -> st.SearchStrategy[Any]:
    known = st.sampled_from(EXTREMES)
    return known | st.sampled_from(words) if words else known


def _with(text: str, at: int, value: Any) -> str:
    """A text with something put into its middle."""
    at %= len(text) + 1
    return f"{text[:at]}{value}{text[at:]}"


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from _places(item, (*path, key))


def _changed(document: Any, changes: list[tuple[Path, str, Any]]) -> str:
    found = copy.deepcopy(document)
    for path, way, value in changes:
        found = _change(found, path, way, value)
    return json.dumps(found)


def _change(document: Any, path: Path, way: str, value: Any) -> Any:
    if not path:
        return value if way == "replace" else document
    parent = document
    for step in path[:-1]:
        parent = _child(parent, step)
    if _child(parent, path[-1]) is _GONE:
        return document  # an earlier change has taken it away
    if way == "remove":
        del parent[path[-1]]
    elif way == "wrap":
        parent[path[-1]] = [parent[path[-1]]]
    elif way == "rename" and isinstance(parent, dict):
        parent[str(value)] = parent.pop(path[-1])
    else:
        parent[path[-1]] = value
    return document


def _child(parent: Any, step: str | int) -> Any:
    if isinstance(parent, dict):
        return parent.get(step, _GONE)
    inside = isinstance(parent, list) and isinstance(step, int) and step < len(parent)
    return parent[step] if inside else _GONE


_WAYS = ("replace", "replace", "remove", "wrap", "rename")
_GONE = object()
