"""What is run: each test of each file, once in each of its modes; and which of them are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mesh_yaml.node import Node
from mesh_yaml.place import Place
from wasm_filters.config import Mode
from wasm_filters.testing.language.suite import CaseSpec
from wasm_filters.testing.load import Suite

_TOKEN = re.compile(r"\s*([()]|[^()\s]+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One test in one mode. ``title`` tells the mode where there are several."""

    suite: Suite
    index: int
    mode: Mode
    title: str

    @property
    def spec(self) -> CaseSpec:
        return self.suite.spec.tests[self.index]

    @property
    def node(self) -> Node:
        return self.suite.node.find("tests", self.index)

    @property
    def place(self) -> Place:
        return self.node.place

    def step_node(self, step: int) -> Node:
        """Where one step was written."""
        return self.node.find("steps", step) if self.spec.steps else self.node


def cases(suite: Suite, modes: Sequence[Mode] = ()) -> list[Case]:
    """The tests of a file. ``modes`` stand in for what the file says of all its tests; a test that
    names its own modes runs in those of them that are among ``modes``."""
    found = []
    for index, spec in enumerate(suite.spec.tests):
        own = [Mode(name) for name in spec.mode or ()]
        of_file = [Mode(name) for name in suite.spec.mode or ["envoy"]]
        wanted = [mode for mode in own or modes if mode in modes] if modes else own or of_file
        for mode in dict.fromkeys(wanted):
            title = f"{spec.name} [{mode.value}]" if len(wanted) > 1 else spec.name
            found.append(Case(suite, index, mode, title))
    return found


def selected(found: Iterable[Case], expression: str) -> list[Case]:
    """The cases whose file and title hold what ``expression`` asks for: words, ``and``, ``or``,
    ``not`` and brackets, as pytest's ``-k`` has them.

    Raises:
        ValueError: it is no such expression.
    """
    wanted = parse_expression(expression)
    return [case for case in found if wanted(f"{case.suite.name}::{case.title}".lower())]


def parse_expression(text: str) -> Callable[[str], bool]:
    """The question that ``text`` asks of a name in lower case; everything holds for no text."""
    words = _TOKEN.findall(text)
    if not words:
        return lambda name: True
    found = _either(words)
    if words:
        raise ValueError(f"-k {text!r}: did not expect {words[0]!r}")
    return found


def _either(words: list[str]) -> Callable[[str], bool]:
    parts = [_both(words)]
    while words[:1] == ["or"]:
        del words[0]
        parts.append(_both(words))
    return lambda name: any(part(name) for part in parts)


def _both(words: list[str]) -> Callable[[str], bool]:
    parts = [_one(words)]
    while words[:1] == ["and"]:
        del words[0]
        parts.append(_one(words))
    return lambda name: all(part(name) for part in parts)


def _one(words: list[str]) -> Callable[[str], bool]:
    if not words or words[0] in (")", "and", "or"):
        raise ValueError(f"-k: expected a word, got {words[0] if words else 'the end'!r}")
    word = words.pop(0)
    if word == "not":
        inner = _one(words)
        return lambda name: not inner(name)
    if word == "(":
        inside = _either(words)
        if words[:1] != [")"]:
            raise ValueError("-k: a bracket is not closed")
        del words[0]
        return inside
    return lambda name: word.lower() in name
