"""Conditions → SQL over the schema. Pure, and never stricter than the condition.

A condition that has no column is left out of an ``Every``, and takes a whole ``Some`` with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from tap.language.conditions import Atom, Condition, Every
from tap.language.terms import regex
from tap.store.rows import Text, from_column, to_column, trace_column

MAX_TERMS = 50  # of one list: SQLite has a limit for an expression's depth
MAX_DEPTH = 20  # of lists in lists

Parameter = Text | float
Where = tuple[str, list[Parameter]]

_ORDER = {"==": "=", ">=": ">=", "<=": "<=", ">": ">", "<": "<", "!=": "IS NOT"}
_EXCHANGE = {name: name for name in ("method", "path", "id", "request_id")} | {"host": "authority"}
_PLACE = ("service", "version", "source", "node", "direction", "route", "cluster")
_NUMBERS = {"status": "status", "duration": "duration", "latency": "duration"}


def where(condition: Condition | None, depth: int = 0) -> Where | None:
    """An SQL expression that holds wherever ``condition`` does; None if there is none to say."""
    if condition is None or depth > MAX_DEPTH:
        return None
    if isinstance(condition, Atom):
        return _atom(condition)
    whole = isinstance(condition, Every)
    if not whole and len(condition.of) > MAX_TERMS:
        return None
    found = [where(one, depth + 1) for one in condition.of[:MAX_TERMS]]
    known = [one for one in found if one is not None]
    if not known or (not whole and len(known) < len(found)):
        return None
    joined = (" AND " if whole else " OR ").join(sql for sql, _ in known)
    return f"({joined})", [value for _, values in known for value in values]


def _atom(atom: Atom) -> Where | None:
    if atom.name in _NUMBERS:
        return f"{_NUMBERS[atom.name]} {_ORDER[atom.sign]} ?", [atom.value]
    text = to_column(str(atom.value))
    if atom.name in _EXCHANGE:
        return _compared(_EXCHANGE[atom.name], atom.sign, text)
    if atom.name in _PLACE:
        sql, values = _compared(atom.name, atom.sign, text)
        return f"place IN (SELECT id FROM places WHERE {sql})", values
    other = _OTHERS.get(atom.name)
    return None if other is None else other(atom.sign, text)


def _compared(column: str, sign: str, text: Text) -> Where:
    if sign in ("==", "!="):
        return f"{column} {'=' if sign == '==' else '<>'} ?", [text]
    negation = "NOT " if sign == "!~" else ""
    return f"{negation}found(?, {column})", [text]


def _flags(sign: str, text: Text) -> Where | None:
    """Whatever is found in a flag needs one."""
    return ("flags <> ''", []) if sign in ("==", "~") else None


def _trace(sign: str, text: Text) -> Where | None:
    column = trace_column(from_column(text))
    return None if sign != "==" or column is None else ("trace = ?", [column])


_OTHERS: Mapping[str, Callable[[str, Text], Where | None]] = {
    "flags": _flags,
    "trace": _trace,
    "~m": lambda sign, text: ("found(?, method)", [text]),
    "~u": lambda sign, text: ("found_in_url(?, scheme, authority, path)", [text]),
    "~q": lambda sign, text: ("status IS NULL", []),
    "~s": lambda sign, text: ("status IS NOT NULL", []),
}


def found(pattern: Text, text: Text) -> bool:
    """The SQL function of this name: the search that a term makes in Python."""
    return _pattern(pattern)(from_column(text)) is not None


def found_in_url(pattern: Text, scheme: Text, authority: Text, path: Text) -> bool:
    """The SQL function of this name, for ``tap.language.terms.url``."""
    parts = (from_column(scheme), "://", from_column(authority), from_column(path))
    return _pattern(pattern)("".join(parts)) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: Text) -> Callable[[str], object]:
    return regex(from_column(pattern)).search


FUNCTIONS: Mapping[str, tuple[int, Callable[..., bool]]] = {
    "found": (2, found),
    "found_in_url": (4, found_in_url),
}
