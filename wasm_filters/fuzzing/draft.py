"""One case of a fuzz run: what a test file would say of it, before it is known what to expect."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, list[str]]


@dataclass(slots=True)
class Draft:
    """``steps`` are those of a test file, without ``expect``; ``configuration`` is None for the
    filter's own."""

    steps: list[dict[str, Any]]
    configuration: str | None = None
    clusters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)

    def as_test(self, name: str, expect: dict[str, Any]) -> dict[str, Any]:
        """The test that it is, with the same expectation of each of its steps."""
        test: dict[str, Any] = {"name": name}
        for word in ("configuration", "clusters", "shared"):
            if getattr(self, word) not in (None, {}):
                test[word] = getattr(self, word)
        steps = [{**step, "expect": expect} for step in self.steps]
        if len(steps) == 1:
            return {**test, **steps[0]}
        return {**test, "steps": steps}

    @property
    def key(self) -> str:
        """The same for equal drafts."""
        return json.dumps([self.steps, self.configuration, self.clusters, self.shared])

    @property
    def keeps_waiting(self) -> bool:
        """Whether somebody is asked who never answers: then a filter may well wait for ever."""
        return any(answer.get("never") for each in self.clusters.values() for answer in each)

    def in_pieces(self, whole: bool) -> Draft:
        """The same with all bodies whole, or with each in pieces: its own, or of one byte."""
        return Draft(
            [_in_pieces(step, whole) for step in self.steps],
            self.configuration,
            self.clusters,
            self.shared,
        )


def _in_pieces(step: dict[str, Any], whole: bool) -> dict[str, Any]:
    found = dict(step)
    for name in ("request", "upstream"):
        part = found.get(name)
        if isinstance(part, dict) and "body" in part:
            bare = {word: value for word, value in part.items() if word != "chunks"}
            found[name] = bare if whole else {**bare, "chunks": part.get("chunks", 1)}
    return found
