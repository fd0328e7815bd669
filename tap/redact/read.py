"""Rules as people write them, in YAML: what is wrong with them is said at its line and column.

    names: [iban]                    # added to the defaults, as all lists are
    paths: [$.user.ssn]
    patterns: {employee: 'E-[0-9]{6}'}
    keep: [next_page_token]          # no secret after all
    services:
      legacy: {redact: false}

A service begins with what the file says for all of them. ``defaults: false`` begins with nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.problems import Problems
from mesh_yaml.suggest import suggest
from mesh_yaml.yaml import read
from tap.redact.paths import parse
from tap.redact.pattern import Pattern
from tap.redact.rules import RuleBook, Rules, check_name

LISTS = ("headers", "names", "parameters", "paths", "keep")
KEYS = (*LISTS, "patterns", "defaults", "redact")
PATTERN_KEYS = ("regex", "cut", "check")
NOTHING = Rules(headers=(), names=(), parameters=(), patterns=())

T = TypeVar("T")


def read_rules(path: Path) -> RuleBook:
    """The rules in a file. Raises DocumentError, with all that is wrong."""
    documents = read(path)
    if len(documents) > 1:
        raise DocumentError.at(documents[1].place, "expected one document, got another")
    return rule_book(documents[0] if documents else Node(None, Place(str(path))))


def rule_book(node: Node) -> RuleBook:
    """The rules that ``node`` describes, be it a file or a part of one. Raises DocumentError."""
    reader = _Reader()
    default = reader.rules(node, Rules(), (*KEYS, "services"))
    services: dict[str, Rules] = {}
    for name, one in reader.items(node.get("services")):
        services[name] = reader.rules(one, default, KEYS)
    reader.problems.stop_if_any()
    return RuleBook(default, services)


@dataclass(slots=True)
class _Reader:
    problems: Problems = field(default_factory=Problems)

    def items(self, node: Node | None) -> list[tuple[str, Node]]:
        found = self.problems.guard(lambda: list(node.items()) if node is not None else [])
        return found or []

    def rules(self, node: Node, base: Rules, known: tuple[str, ...]) -> Rules:
        """``base`` and what ``node`` adds to it."""
        given = dict(self.items(node))
        for key, value in given.items():
            if key not in known:
                self._wrong(value.key or value.place, f"unknown key {key!r}{suggest(key, known)}")
        off = not self._flag(given, "redact", default=not base.off)
        base = base if self._flag(given, "defaults", default=True) else NOTHING
        added: dict[str, Any] = {key: self._list(key, given.get(key)) for key in LISTS}
        added["patterns"] = self._patterns(given.get("patterns"))
        values = {key: (*getattr(base, key), *more) for key, more in added.items()}
        rules = self._at(node.place, lambda: Rules(**values, off=off))
        return rules or base

    def _flag(self, given: dict[str, Node], key: str, default: bool) -> bool:
        node = given.get(key)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self._wrong(node.place, f"{key}: expected true or false, got {node.kind}")
            return default
        return node.value

    def _list(self, key: str, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        elements = self.problems.guard(node.elements) or ()
        check = parse if key == "paths" else check_name
        return tuple(text for one in elements if (text := self._checked(one, check)) is not None)

    def _checked(self, node: Node, check: Callable[[str], object]) -> str | None:
        text = self.problems.guard(node.text)
        if text is not None and self._at(node.place, lambda: (check(text),)) is None:
            return None
        return text

    def _patterns(self, node: Node | None) -> tuple[Pattern, ...]:
        made = [self._pattern(name, one) for name, one in self.items(node)]
        return tuple(one for one in made if one is not None)

    def _pattern(self, name: str, node: Node) -> Pattern | None:
        """A regular expression, or one with what belongs to it."""
        if not isinstance(node.value, dict):
            text = self.problems.guard(node.text)
            return None if text is None else self._at(node.place, lambda: Pattern(name, text))
        given: dict[str, str] = {}
        for key, value in node.items():
            if key in PATTERN_KEYS:
                given[key] = self.problems.guard(value.text) or ""
            else:
                hint = suggest(key, PATTERN_KEYS)
                self._wrong(value.key or value.place, f"unknown key {key!r}{hint}")
        if "regex" not in given:
            self._wrong(node.place, "'regex' is missing")
            return None
        return self._at(node.place, lambda: Pattern(name, **given))

    def _at(self, place: Place, make: Callable[[], T]) -> T | None:
        """What ``make`` gives, or None with its complaint noted at ``place``."""
        try:
            return make()
        except ValueError as error:
            self._wrong(place, str(error))
            return None

    def _wrong(self, place: Place, message: str) -> None:
        self.problems.found += DocumentError.at(place, message).problems
