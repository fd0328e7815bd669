"""What changed between two readings of a mesh, in the words of its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.model import Mesh, Service, Version
from mesh_patterns.spec import PatternSpec

MAX_TOLD = 4  # changes; of more, only the number is told


def differences(old: Mesh, new: Mesh) -> list[str]:
    """``canary on reviews: weights.v2 10 → 25``, a line for each change, in file order."""
    return [*_services(old, new), *_patterns(old, new)]


def summary(old: Mesh, new: Mesh) -> str:
    """The first few of the differences, and how many more there are; empty where there are none."""
    found = differences(old, new)
    told = found[:MAX_TOLD]
    if len(found) > MAX_TOLD:
        told.append(f"and {len(found) - MAX_TOLD} more")
    return ", ".join(told)


def _services(old: Mesh, new: Mesh) -> Iterator[str]:
    for name in new.services:
        if name not in old.services:
            yield f"service {name} added"
    for name, before in old.services.items():
        after = new.services.get(name)
        if after is None:
            yield f"service {name} removed"
        else:
            yield from _service(before, after)


def _service(before: Service, after: Service) -> Iterator[str]:
    versions = {version.name: version for version in after.versions}
    for version in before.versions:
        now = versions.pop(version.name, None)
        label = f"{before.name} {version.name}".strip()
        if now is None:
            yield f"{label} removed"
        elif (version.run, version.port, version.env) != (now.run, now.port, now.env):
            yield f"{label} runs anew"
        elif _hosts(version) != _hosts(now):
            yield f"{label} has other hosts"
        elif version.replicas != now.replicas:
            yield f"{label} has {now.replicas} replicas, not {version.replicas}"
    yield from (f"{after.name} {added}".strip() + " added" for added in versions)
    if before.external != after.external:
        yield f"{after.name} is {_where(after)}"
    if before.calls != after.calls:
        yield f"{after.name} calls {', '.join(after.calls) or 'nobody'}"


def _hosts(version: Version) -> tuple[object, ...]:
    return version.locality, version.priority, version.weight


def _where(service: Service) -> str:
    found = service.external
    return f"at {', '.join(map(str, found.addresses))}" if found else "of the mesh"


def _patterns(old: Mesh, new: Mesh) -> Iterator[str]:
    """Patterns are told apart by kind and place of action; of equals, the first with the first."""
    before = _keyed(old)
    for key, after in _keyed(new).items():
        earlier = before.pop(key, None)
        if earlier is None:
            yield f"{_name(after)} added"
        else:
            yield from _changes(_name(after), _plain(earlier), _plain(after))
    yield from (f"{_name(gone)} removed" for gone in before.values())


def _keyed(mesh: Mesh) -> dict[tuple[str, int], PatternSpec]:
    found: dict[tuple[str, int], PatternSpec] = {}
    for spec in mesh.patterns:
        name = _name(spec)
        count = sum(key[0] == name for key in found)
        found[name, count] = spec
    return found


def _name(spec: PatternSpec) -> str:
    return f"{spec.pattern} on {getattr(spec, 'on', '?')}"


def _plain(spec: PatternSpec) -> Any:
    return spec.node.plain()


def _changes(name: str, old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            below = f"{path}.{key}" if path else key
            yield from _changes(name, old.get(key), new.get(key), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(name, before, after, f"{path}[{i}]")
    elif old != new:
        yield f"{name}: {path} {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, str | int | float) else "…"
