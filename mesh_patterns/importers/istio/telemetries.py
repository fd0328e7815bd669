"""Telemetry, and what a MeshConfig says of the same: access logs and traces of workloads.

What is nearest to a workload counts: what is said of it, of its namespace, of the mesh. A log goes
to a file beside the one that asks for it, since nobody here collects what containers write.
https://istio.io/latest/docs/reference/config/telemetry/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, choice
from mesh_patterns.importers.notes import Notes
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node

LOG = "access.log"
HIGHEST = 599  # of all statuses
SAMPLING = 1  # percent, Istio's own
_KNOWN = ("selector", "targetRef", "targetRefs", "accessLogging", "tracing")
_LOGGING = ("filter", "disabled", "providers")
_TRACING = ("randomSamplingPercentage", "disableSpanReporting", "customTags", "providers")
_TAGS = {"literal": "value", "header": "name", "environment": "name"}
_OURS = {"literal": "literal", "header": "header", "environment": "env"}
_CODE = re.compile(r"\s*response\.code\s*(?P<bound>(?:>=|<=|>|<|==)\s*\d{3})\s*")

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A policy: whose requests it is about, and what is told of them."""

    source: Source
    choice: Choice
    log: Node | None
    tracing: Node | None


def read(source: Source) -> Telemetry:
    """What a policy says; metrics are counted by Envoy anyway, and what it says of them is told."""
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    logs, traces = source.list("accessLogging"), source.list("tracing")
    for name, several in (("accessLogging", logs), ("tracing", traces)):
        if len(several) > 1:
            source.skip(f"another {name} than the first", several[1])
    return Telemetry(
        source, choice(source), logs[0] if logs else None, traces[0] if traces else None
    )


def patterns(found: Sequence[Telemetry], world: World) -> Iterator[Node]:
    """What is told of the requests of each service, and of the ingress."""
    nearest = sorted(found, key=lambda each: -each.choice.nearness)
    entries = world.catalog.entries.values()
    for entry in entries:
        mine = [each for each in nearest if entry.name in each.choice.services]
        if entry.outside is None:
            _tell_versions(entry, mine)
            yield from _of(entry.name, mine, world)
    if any(entry.ingress for entry in entries):
        yield from _of(INGRESS, [each for each in nearest if each.choice.ingress], world)


def _tell_versions(entry: Entry, mine: Sequence[Telemetry]) -> None:
    for each in mine:
        if each.choice.services[entry.name] is not None:
            whole = f"Telemetry is of a whole service: it holds for all versions of {entry.name!r}"
            each.source.notes.warn(each.source.object.place, whole)


def _of(on: str, mine: Sequence[Telemetry], world: World) -> Iterator[Node]:
    log = next((each for each in mine if each.log is not None), None)
    if log is not None and log.log is not None:
        yield from _log(on, log.log, log.source)
    elif (config := world.config.logs) is not None:
        yield pattern(
            "access_log", on, _formatted(config, world.notes), config.find("accessLogFile")
        )
    tracing = next((each for each in mine if each.tracing is not None), None)
    if tracing is not None and tracing.tracing is not None:
        inherited = next((p for each in mine if (p := _percent(each.tracing)) is not None), None)
        yield from _traces(on, tracing.tracing, inherited, tracing.source)
    elif (told := world.config.tracing) is not None:
        sampling = told.get("sampling")
        world.notes.leftovers(told, ("sampling",), "a MeshConfig", "defaultConfig.tracing.")
        yield pattern("tracing", on, {"sampling": sampling or Node(SAMPLING, told.place)}, told)


def _log(on: str, node: Node, source: Source) -> Iterator[Node]:
    source.notes.leftovers(node, _LOGGING, source.owner, "accessLogging.")
    if text(node, "disabled") == "true":
        return
    _tell_providers(node, f"the file {LOG} beside this one", source)
    when = _condition(node, source)
    config = source.world.config.logs
    made = _formatted(config, source.notes) if config is not None else {"file": LOG}
    yield pattern("access_log", on, made | ({"when": when} if when else {}), node)


def _condition(node: Node, source: Source) -> Made:
    """Bounds of the status; of what else an expression says nothing is known here."""
    expression = node.find("filter").get("expression")
    if expression is None:
        return {}
    found = [_CODE.fullmatch(part) for part in expression.text().split("&&")]
    limits = [_limits(each["bound"]) for each in found if each is not None]
    if not limits or len(limits) != len(found):
        source.skip("accessLogging.filter.expression, so every request is logged", expression)
        return {}
    low, high = max(low for low, _ in limits), min(high for _, high in limits)
    return {"status": Node(f"{low}..{max(low, high)}", expression.place)}


def _limits(bound: str) -> tuple[int, int]:
    """From and to, both in: ``>= 400`` is from 400 to the highest that there is."""
    number = int(bound.lstrip("<>= "))
    if bound.startswith("=="):
        return number, number
    beyond = 0 if bound[1] == "=" else 1
    return (number + beyond, HIGHEST) if bound[0] == ">" else (0, number - beyond)


def _formatted(config: Node, notes: Notes) -> Made:
    """The log that a MeshConfig describes."""
    made: Made = {"file": LOG}
    shape, form = text(config, "accessLogEncoding", "TEXT"), text(config, "accessLogFormat")
    notes.approximate(
        f"an access log is the file {LOG} beside this one", config.place, "MeshConfig"
    )
    if form and shape == "TEXT":
        made["text"] = Node(form.rstrip("\n"), config.find("accessLogFormat").place)
    elif form:
        made["fields"] = Node.of(_fields(form), config.find("accessLogFormat").place)
    return made


def _fields(form: str) -> dict[str, str]:
    """Of a format in JSON; what is no text in it is left out."""
    try:
        read = json.loads(form)
    except (ValueError, RecursionError):
        return {}
    pairs = read.items() if isinstance(read, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def _percent(node: Node | None) -> Node | None:
    return node.get("randomSamplingPercentage") if node is not None else None


def _traces(on: str, node: Node, sampling: Node | None, source: Source) -> Iterator[Node]:
    source.notes.leftovers(node, _TRACING, source.owner, "tracing.")
    if text(node, "disableSpanReporting") == "true":
        return
    _tell_providers(node, "who captures", source)
    made: Made = {"sampling": sampling or Node(SAMPLING, node.place)}
    tags = node.get("customTags")
    found = dict(tags.items()) if tags is not None else {}
    named = {name: tag for name, each in found.items() if (tag := _tag(each, source))}
    yield pattern("tracing", on, made | ({"tags": named} if named else {}), node)


def _tag(node: Node, source: Source) -> Mapping[str, Node] | None:
    for kind, key in _TAGS.items():
        told = node.get(kind)
        value = told.get(key) if told is not None else None
        if told is not None and value is not None and value.value not in (None, ""):
            source.notes.leftovers(told, (key,), source.owner, f"customTags.{kind}.")
            return {_OURS[kind]: value}
    source.skip("a customTag of another kind", node)
    return None


def _tell_providers(node: Node, instead: str, source: Source) -> None:
    for each in elements(node, "providers"):
        source.approximate(f"a telemetry provider: {instead} gets it", each)
