"""What is secret, as plain data: one ``Rules`` for each service, and one for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tap.redact.defaults import HEADERS, NAMES, PARAMETERS, PATTERNS
from tap.redact.paths import parse
from tap.redact.pattern import Pattern

MAX_NAME = 100  # characters
MAX_RULES = 200  # names, paths or patterns of one kind


class RulesError(ValueError):
    """Rules that can't be used; the message says which and why."""


@dataclass(frozen=True)
class Rules:
    """``Rules()`` are the defaults; ``keep`` are names that are no secrets after all.

    ``headers``: names of fields, exactly, with ``*`` as in a shell. ``names``: of keys in JSON and
    the like, fields of forms, parameters of queries; ``parameters`` of the last two only. ``paths``
    lead to values in JSON (``paths``). ``off``: nothing is redacted. Raises RulesError or one of
    its kinds: PathError, PatternError.
    """

    headers: tuple[str, ...] = HEADERS
    names: tuple[str, ...] = NAMES
    parameters: tuple[str, ...] = PARAMETERS
    paths: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = PATTERNS
    keep: tuple[str, ...] = ()
    off: bool = False

    def __post_init__(self) -> None:
        for kind in ("headers", "names", "parameters", "paths", "patterns", "keep"):
            count = len(getattr(self, kind))
            if count > MAX_RULES:
                raise RulesError(f"{count} {kind}, at most {MAX_RULES} are taken")
        for name in (*self.headers, *self.names, *self.parameters, *self.keep):
            check_name(name)
        for path in self.paths:
            parse(path)


def check_name(name: str) -> None:
    """Raises RulesError for a name that would be every name, or none that anybody has."""
    if not name.strip("*-_. ") or len(name) > MAX_NAME:
        raise RulesError(f"expected a name such as '*access_token', got {name[:40]!r}")


@dataclass(frozen=True)
class RuleBook:
    """``services`` have rules of their own, looked up by the service that a request goes to."""

    default: Rules = field(default_factory=Rules)
    services: Mapping[str, Rules] = field(default_factory=dict)

    def of(self, service: str) -> Rules:
        return self.services.get(service, self.default)
