"""What patterns can't say of a service whose requests no Envoy sees: a refusal at their line."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.draft import CLUSTER, Draft, Edge
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.place import DocumentError, Place, Problem


def check(draft: Draft) -> None:
    """That what is about requests is said of services that get some.

    Raises:
        DocumentError: with every pattern of which that is not so.
    """
    silent = [each.name for each in draft.mesh.services.values() if not each.requests]
    problems = [problem for name in silent for problem in _problems(draft, name)]
    if problems:
        raise DocumentError(dict.fromkeys(problems))


def _problems(draft: Draft, callee: str) -> Iterator[Problem]:
    protocol = draft.mesh.services[callee].protocol
    for place, what in _about_requests(draft, callee):
        message = f"{what} is about requests, and {callee!r} speaks {protocol}"
        yield Problem(place, message)
    for edge in draft.edges_to(callee):
        if edge.split and not PROTOCOLS[protocol].splits:
            message = f"{callee!r} speaks {protocol}, which is not shared out by weights"
            yield Problem(edge.split.place, message)


def _about_requests(draft: Draft, callee: str) -> Iterator[tuple[Place, str]]:
    for edge in draft.edges_to(callee):
        yield from ((rule.place, "a rule") for rule in edge.rules)
        yield from _settings(edge)
        yield from _filters(draft, edge)
    for each in draft.filters_before(callee):
        if each.layer == "http":
            yield each.place, each.kind


def _settings(edge: Edge) -> Iterator[tuple[Place, str]]:
    for name, placed in edge.settings.items():
        if name not in CLUSTER:
            yield placed.place, name


def _filters(draft: Draft, edge: Edge) -> Iterator[tuple[Place, str]]:
    return ((each.place, each.kind) for each in draft.filters_on(edge))
