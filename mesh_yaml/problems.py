"""Errors are collected, so that a person sees all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mesh_yaml.place import DocumentError, Problem

P = ParamSpec("P")
T = TypeVar("T")


class Problems:
    """What was found to be wrong so far."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def guard(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
        """What ``work`` gives, or ``None`` with its problems noted."""
        try:
            return work(*args, **options)
        except DocumentError as error:
            self.found.extend(error.problems)
            return None

    def stop_if_any(self) -> None:
        """Raises ``DocumentError`` with all problems, in the order of their places."""
        if self.found:
            raise DocumentError(sorted(set(self.found), key=lambda problem: problem.place))
