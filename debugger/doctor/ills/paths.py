"""Which paths a route takes, and when another route takes all of those.

Envoy compares a path without its query. Sound, not complete, as conditions are.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routematch
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("prefix", "path", "path_separated_prefix", "safe_regex", "connect_matcher",
         "path_match_policy")  # fmt: skip

# The beginning of a regular expression that stands for itself; what follows may not repeat its
# last character, and nowhere may there be another alternative.
_LITERAL = re.compile(r"(?:[\w/\- ]|\\[./\-])*")
_REPEATS = "?*{"


@dataclass(frozen=True, slots=True)
class Path:
    """What a ``RouteMatch`` says of the path. ``text`` is all that it says."""

    kind: str
    text: str
    any_case: bool = False

    @property
    def begins(self) -> str | None:
        """What each of its paths begins with; None where that is not known."""
        if self.kind in ("prefix", "path", "path_separated_prefix"):
            return self.text
        return _beginning(self.text) if self.kind == "safe_regex" else None


def path_of(match: Mapping[str, Any]) -> Path:
    """A match that says nothing of it, which Envoy refuses, is of no kind."""
    kind = next((each for each in KINDS if each in match), "")
    said = match.get(kind, "")
    if kind == "safe_regex":
        said = said.get("regex", "")
    any_case = match.get("case_sensitive", True) is False and kind != "safe_regex"
    return Path(kind, said if isinstance(said, str) else repr(said), any_case)


def takes_all(first: Path, second: Path) -> bool:
    """Whether each path that the second takes is one that the first takes."""
    if first.kind == second.kind and first.text == second.text:
        return first.any_case or not second.any_case
    begins = second.begins
    if begins is None or first.kind not in _TAKES:
        return False
    text = first.text
    if first.any_case:
        begins, text = begins.lower(), text.lower()
    elif second.any_case and text.lower() != text.upper():
        return False
    return _TAKES[first.kind](text, begins, second.kind)


def _prefix(text: str, begins: str, kind: str) -> bool:
    return begins.startswith(text)


def _path(text: str, begins: str, kind: str) -> bool:
    return kind == "path" and begins == text


def _separated(text: str, begins: str, kind: str) -> bool:
    whole = kind in ("path", "path_separated_prefix") and begins == text
    return whole or begins.startswith(f"{text}/")


_TAKES = {"prefix": _prefix, "path": _path, "path_separated_prefix": _separated}


def _beginning(regex: str) -> str:
    found = _LITERAL.match(regex)
    literal = found.group() if found else ""
    if "|" in regex:
        return ""
    if regex[len(literal) : len(literal) + 1] in tuple(_REPEATS):
        literal = literal[:-2] if literal[-2:-1] == "\\" else literal[:-1]
    return literal.replace("\\", "")


def impossible(path: Path) -> str:
    """Why no path is ever like that; empty where one may be."""
    if path.kind not in _TAKES:
        return ""
    if path.text and not path.text.startswith(("/", "*")):
        return f"{path.kind} {path.text!r} does not begin with '/', as every path does"
    for sign, what in (("?", "query"), ("#", "fragment")):
        if sign in path.text:
            return f"{path.kind} {path.text!r} has a '{sign}', and the {what} is no part of a path"
    return ""
