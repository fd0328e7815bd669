"""Door to the disk: test files, found and read. What is wrong with one is said at its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.problems import Problems
from wasm_filters.testing.language.messages import AnswerSpec
from wasm_filters.testing.language.suite import SettingsSpec, SuiteSpec

NAMES = ("*.test.yaml", "tests.yaml")
_SKIPPED = frozenset({".git", ".venv", "node_modules", "target", "__pycache__"})


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """One test file. ``name`` is how it is called in places."""

    path: Path
    spec: SuiteSpec
    node: Node

    @property
    def name(self) -> str:
        return self.node.place.file

    @property
    def folder(self) -> Path:
        return self.path.parent


def is_test_file(path: Path) -> bool:
    """Whether a file is one by its name."""
    return any(path.match(name) for name in NAMES)


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those in the folders that are named, each once.

    Raises:
        DocumentError: there is no such file, or no test in any folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(_inside(path))
            if not inside:
                wanted = " or ".join(NAMES)
                raise DocumentError.at(Place(str(path)), f"there is no {wanted} in this folder")
            found |= dict.fromkeys(inside)
        else:
            found[path] = None
    return list(found)


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        yield from (path for name in files if is_test_file(path := Path(place) / name))


def load(path: Path, name: str | None = None) -> Suite:
    """The tests of one file; ``name`` stands for the path in places.

    Raises:
        DocumentError: with all that is wrong, each at its place.
    """
    documents = yaml.read(path, name)
    place = documents[1].place if len(documents) > 1 else Place(name or str(path))
    if len(documents) != 1:
        raise DocumentError.at(place, f"expected one YAML document, got {len(documents)}")
    node = documents[0]
    suite = Suite(path, build(SuiteSpec, node), node)
    _check(suite)
    return suite


def load_all(paths: Sequence[Path]) -> list[Suite]:
    """All files; the problems of all of them at once.

    Raises:
        DocumentError: something is wrong with one of them.
    """
    problems = Problems()
    suites = [problems.guard(load, path) for path in paths]
    problems.stop_if_any()
    return [suite for suite in suites if suite is not None]


def _check(suite: Suite) -> None:
    """What no model can see by itself."""
    problems = Problems()
    problems.guard(_check_names, suite)
    _check_answers(problems, suite.spec.clusters, suite.node.find("clusters"))
    for index, case in enumerate(suite.spec.tests):
        node = suite.node.find("tests", index)
        _check_answers(problems, case.clusters, node.find("clusters"))
        for at, step in enumerate(case.steps or [case]):
            where = node.find("steps", at) if case.steps else node
            _check_answers(problems, {"upstream": step.upstream or []}, where)
        if suite.spec.filters:
            problems.guard(_check_settings, case, node)
    problems.stop_if_any()


def _check_names(suite: Suite) -> None:
    first: dict[str, Place] = {}
    for index, case in enumerate(suite.spec.tests):
        place = suite.node.find("tests", index, "name").place
        if case.name in first:
            there = first[case.name]
            raise DocumentError.at(place, f"test {case.name!r} comes twice, first at {there}")
        first[case.name] = place


def _check_answers(problems: Problems, answers: dict[str, list[AnswerSpec]], node: Node) -> None:
    for name, several in answers.items():
        problems.guard(_check_reached, several, node.find(name))


def _check_reached(answers: list[AnswerSpec], node: Node) -> None:
    ends = next((at for at, answer in enumerate(answers) if answer.takes_all), len(answers))
    if ends < len(answers) - 1:
        raise DocumentError.at(
            node.find(ends + 1).place,
            f"no request gets here: the answer at {node.find(ends).place} takes all;"
            " give that one 'times' or 'when'",
        )


def _check_settings(case: SettingsSpec, node: Node) -> None:
    """A chain's tests can't say which of its plugins they mean; properties are for all."""
    own = sorted((set(SettingsSpec.model_fields) - {"properties"}) & case.model_fields_set)
    if own:
        place = node.find(own[0])
        message = f"{own[0]}: of which of the filters? Say it there, under 'filters'"
        raise DocumentError.at(place.key or place.place, message)
