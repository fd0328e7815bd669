"""Log levels: what a person asks for, what an Envoy says that holds, and the way back.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--logging
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from mesh_yaml.suggest import suggest

LEVELS = ("trace", "debug", "info", "warning", "error", "critical", "off")
EVERY = "all"  # stands for each logger
_ALSO = {"warn": "warning"}


class LevelError(ValueError):
    """No level, or no logger, of that name."""


class Change(NamedTuple):
    """One logger whose level is not what it was."""

    logger: str
    before: str
    after: str


def wanted(given: Iterable[str]) -> dict[str, str]:
    """``LOGGER=LEVEL`` words as a mapping; ``all=LEVEL`` or a ``LEVEL`` by itself is for each.

    Raises ``LevelError``.
    """
    found = {}
    for text in given:
        logger, equals, level = text.rpartition("=")
        level = _ALSO.get(level, level)
        if equals and not logger:
            raise LevelError(f"{text}: wanted LOGGER=LEVEL")
        if level not in LEVELS:
            raise LevelError(f"{text}: no level {level!r}{suggest(level, LEVELS)}")
        found[logger or EVERY] = level
    return found


def read(text: str) -> dict[str, str]:
    """Every logger's level, from what Envoy answers: ``  http: warning`` lines."""
    lines = (line.strip().rpartition(": ") for line in text.splitlines() if line[:1] == " ")
    return {logger: level for logger, _, level in lines if logger and level in LEVELS}


def asked(wanted: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """What is to be set where these loggers are known: those that have another level.

    A logger that is named goes before ``all``. Raises ``LevelError`` for one that is not known.
    """
    for logger in wanted:
        if logger != EVERY and logger not in known:
            near = suggest(logger, known) if len(suggest(logger, known)) < 60 else ""
            raise LevelError(f"no logger {logger!r}{near}")
    every = wanted.get(EVERY)
    to_be = {name: wanted.get(name, every) for name in known}
    return {name: level for name, level in to_be.items() if level and level != known[name]}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What is not as it was, loggers sorted."""
    return [
        Change(name, before[name], level)
        for name, level in sorted(after.items())
        if name in before and before[name] != level
    ]


def query(levels: Mapping[str, str]) -> str:
    """The end of a URL that sets these; empty for none."""
    if not levels:
        return ""
    return "?paths=" + quote(",".join(f"{name}:{level}" for name, level in levels.items()), ":,")
