"""The configuration of a rate limit service, as it is written.

Source: https://github.com/envoyproxy/ratelimit#the-configuration-format, whose errors are errors
here, each at its line: a duplicate, a limit without a unit, an unlimited one with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.rate_limits.rate import MAX_COUNT
from mesh_patterns.rate_limits.rules import Domain, Limit, Rule
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import SomeText, Spec, Text

MAX_DEPTH = 16  # of descriptors in descriptors

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class ReplacesSpec(Spec):
    """A limit that this one stands for."""

    name: SomeText


class RateLimitSpec(Spec):
    """A limit."""

    unit: Annotated[Unit | None, BeforeValidator(_lower)] = None
    requests_per_unit: int = Field(0, ge=0, le=MAX_COUNT, description="0 lets nobody through")
    unlimited: bool = False
    name: Text = ""
    replaces: list[ReplacesSpec] = []

    @model_validator(mode="after")
    def _whole(self) -> RateLimitSpec:
        if self.unlimited and self.unit is not None:
            raise ValueError("an unlimited rate has no unit")
        if not self.unlimited and self.unit is None:
            raise ValueError("expected a unit: second, minute, hour, day, week, month or year")
        if self.name and any(each.name == self.name for each in self.replaces):
            raise ValueError(f"{self.name!r} can't replace itself")
        return self


class DescriptorSpec(Spec):
    """One row of the tree."""

    key: SomeText
    value: Text = Field("", description="of every value by itself if absent; foo* is a wildcard")
    rate_limit: RateLimitSpec | None = None
    shadow_mode: bool = Field(False, description="counts, and lets everything through")
    detailed_metric: bool = Field(False, description="statistics for each value")
    descriptors: list[DescriptorSpec] = []

    def meaning(self, node: Node, path: str, depth: int) -> Rule:
        if depth > MAX_DEPTH:
            raise DocumentError.at(node.place, f"descriptors are nested at most {MAX_DEPTH} deep")
        here = f"{path}.{self.key}_{self.value}" if self.value else f"{path}.{self.key}"
        limit = self._limit(self.rate_limit, here) if self.rate_limit else None
        below = rules(self.descriptors, node.find("descriptors"), here, depth + 1)
        return Rule(self.key, self.value, limit, below)

    def _limit(self, found: RateLimitSpec, path: str) -> Limit:
        return Limit(
            found.requests_per_unit,
            found.unit or "second",
            found.unlimited,
            self.shadow_mode,
            found.name,
            tuple(each.name for each in found.replaces),
            path,
            self.detailed_metric,
        )


class ConfigSpec(Spec):
    """A file: the rules of one domain."""

    domain: SomeText
    descriptors: list[DescriptorSpec] = []

    def meaning(self) -> Domain:
        return Domain(
            self.domain, rules(self.descriptors, self.node.find("descriptors"), self.domain)
        )


def rules(
    found: Sequence[DescriptorSpec], node: Node, path: str, depth: int = 1
) -> tuple[Rule, ...]:
    """What these descriptors mean, which stand at ``node``, below ``path``.

    Raises:
        DocumentError: two of them are for the same, or they are nested too deep.
    """
    seen: dict[tuple[str, str], int] = {}
    for i, each in enumerate(found):
        first = seen.setdefault((each.key, each.value), i)
        if first != i:
            what = f"{each.key!r} with {each.value!r}" if each.value else f"{each.key!r}"
            message = f"{what} is here and at {node.find(first).place}"
            raise DocumentError.at(node.find(i).place, message)
    return tuple(each.meaning(node.find(i), path, depth) for i, each in enumerate(found))


def domains(configs: Iterable[ConfigSpec]) -> tuple[Domain, ...]:
    """The domains of several files.

    Raises:
        DocumentError: two have one name.
    """
    seen: dict[str, ConfigSpec] = {}
    for each in configs:
        first = seen.setdefault(each.domain, each)
        if first is not each:
            message = f"domain {each.domain!r} is here and at {first.place('domain')}"
            raise DocumentError.at(each.place("domain"), message)
    return tuple(each.meaning() for each in seen.values())
