"""From trees to a mesh: models are built, names resolved, and every problem is collected."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pydantic import ValidationError

from mesh_patterns import expect, kinds
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.model import GRPC, Ingress, Mesh, Service, Version
from mesh_patterns.node import Node
from mesh_patterns.place import PatternError, Place, Problem
from mesh_patterns.selector import RESERVED, suggest
from mesh_patterns.spec import MeshSpec, PatternSpec, ServiceSpec, Spec, VersionSpec

KEY = "[key]"  # pydantic's last step to a key that is wrong itself
WANTED = {
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "list_type": "expected a list",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "too_short": "expected at least one entry",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}

P = ParamSpec("P")
T = TypeVar("T")
SpecT = TypeVar("SpecT", bound=Spec)


class Problems:
    """Collects errors, so that a person sees all of them at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def guard(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
        """What ``work`` gives, or ``None`` with its problems noted."""
        try:
            return work(*args, **options)
        except PatternError as error:
            self.found.extend(error.problems)
            return None

    def stop_if_any(self) -> None:
        if self.found:
            raise PatternError(sorted(set(self.found), key=lambda problem: problem.place))


def mesh(
    name: str, trees: Sequence[Node], files: Sequence[Path], warnings: Iterable[Problem]
) -> Mesh:
    """One mesh out of all trees.

    Raises:
        PatternError: with every problem of shape, of services, and of claims.
    """
    problems = Problems()
    _resolved.cache_clear()
    specs = [made for tree in trees if (made := problems.guard(_mesh_spec, tree))]
    dataplane = next((s.dataplane for s in specs if "dataplane" in s.model_fields_set), "sidecar")
    services = _services(specs, dataplane, problems)
    patterns = _each(trees, "patterns", problems, pattern)
    claims = _each(trees, "expect", problems, _claim)
    problems.stop_if_any()
    whole = Mesh(
        name, {service.name: service for service in services}, dataplane,
        tuple(patterns), tuple(claims), tuple(files), tuple(warnings),
    )  # fmt: skip
    _check(whole, problems, trees[-1].place if trees else Place(name))
    return whole


def _each(
    trees: Iterable[Node], name: str, problems: Problems, make: Callable[[Node], T]
) -> list[T]:
    """What ``make`` gives for each element of the list called ``name``, in all trees."""
    lists = [node for tree in trees if (node := tree.get(name))]
    nodes = [item for node in lists for item in problems.guard(node.elements) or ()]
    return [made for node in nodes if (made := problems.guard(make, node))]


def _claim(node: Node) -> ClaimSpec:
    return build(ClaimSpec, node)


def build(model: type[SpecT], node: Node) -> SpecT:
    """A model out of a tree, each of pydantic's complaints at its place in the file."""
    try:
        spec = model.model_validate(node.plain())
    except ValidationError as error:
        raise PatternError(_problem(model, node, each) for each in error.errors()) from error
    spec.located(node)
    return spec


def _problem(model: type[Spec], node: Node, error: Any) -> Problem:
    path = error["loc"]
    at = node.find(*path)
    message = WANTED.get(error["type"]) or _lower(error["msg"])
    if path and path[-1] == KEY:
        return Problem(at.key or at.place, f"key {path[-2]!r}: {message}")
    name = _name(node, path)
    match error["type"]:
        case "extra_forbidden":
            hint = suggest_key(model, str(path[-1]))
            return Problem(at.key or at.place, f"unknown key {path[-1]!r}{hint}")
        case "missing":
            return Problem(at.place, f"{path[-1]!r} is missing")
        case "value_error":
            return Problem(at.place, f"{name}{error['ctx']['error']}")
    return Problem(at.place, f"{name}{message}, got {at.kind}")


def _name(node: Node, path: tuple[str | int, ...]) -> str:
    """A value's key, for a message; the elements of a list and the tags of a union have none."""
    there = path and node.find(*path[:-1]).get(str(path[-1]))
    return f"{path[-1]}: " if there else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def suggest_key(model: type[Spec], key: str) -> str:
    """A key of the model, or of one inside it, that is near to an unknown one."""
    schema = model.model_json_schema()
    shapes = [schema, *schema.get("$defs", {}).values()]
    known = {name for shape in shapes for name in shape.get("properties", {})}
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def pattern(node: Node) -> PatternSpec:
    """One of ``patterns:``, by its ``pattern`` key."""
    kind = node.get("pattern") if isinstance(node.value, dict) else None
    if kind is None:
        message = f"a pattern needs 'pattern', one of {', '.join(kinds.KINDS)}"
        raise PatternError.at(node.place, message)
    known = kinds.KINDS.get(kind.text())
    if known is None:
        message = f"unknown pattern {kind.text()!r}{suggest(kind.text(), kinds.KINDS)}"
        raise PatternError.at(kind.place, message)
    return build(known.spec, node)


def _mesh_spec(tree: Node) -> MeshSpec | None:
    node = tree.get("mesh")
    return build(MeshSpec, node) if node and node.value is not None else None


def _services(specs: Iterable[MeshSpec], dataplane: str, problems: Problems) -> list[Service]:
    found: dict[str, Service] = {}
    for spec in specs:
        for name, service in spec.services.items():
            place = spec.key_place("services", name)
            if name in found:
                message = f"service {name!r} is there already, at {found[name].place}"
                problems.found.append(Problem(place, message))
                continue
            service.located(spec.node.find("services", name))
            made = problems.guard(_service, name, service, place, dataplane)
            if made:
                found[name] = made
    return list(found.values())


def _service(name: str, spec: ServiceSpec, place: Place, default: str) -> Service:
    if name in RESERVED:
        raise PatternError.at(place, f"{name!r} is a name that meshloom uses itself")
    if spec.versions and (spec.run or spec.port):
        at = spec.key_place("run" if spec.run else "port")
        raise PatternError.at(at, "belongs under a version: this service has 'versions'")
    proxyless = (spec.dataplane or default) == GRPC
    return Service(
        name, place, tuple(_versions(spec, place)), tuple(dict.fromkeys(spec.calls)),
        _protocol(spec, proxyless), _ingress(spec), tuple(spec.hosts),
        GRPC if proxyless else "sidecar",
    )  # fmt: skip


def _protocol(spec: ServiceSpec, proxyless: bool) -> str:
    """What the service speaks; without an Envoy that is gRPC."""
    if not proxyless:
        return spec.protocol
    if spec.protocol == "http" and "protocol" in spec.model_fields_set:
        message = "is http, but 'dataplane: grpc' is for gRPC; say 'protocol: grpc'"
        raise PatternError.at(spec.place("protocol"), f"{message} or 'dataplane: sidecar'")
    return "grpc"


def _versions(spec: ServiceSpec, place: Place) -> Iterator[Version]:
    if not spec.versions:
        yield _version("", spec, place)
    for name, version in spec.versions.items():
        version.located(spec.node.find("versions", name))
        made = _version(name, version, spec.key_place("versions", name))
        shared = {**spec.env, **made.env}
        cwd = made.cwd if version.cwd else _folder(spec, place)
        yield Version(made.name, made.place, made.run, made.port, shared, cwd)


def _version(name: str, spec: VersionSpec, place: Place) -> Version:
    return Version(name, place, spec.run, spec.port, dict(spec.env), _folder(spec, place))


def _folder(spec: VersionSpec, place: Place) -> Path:
    return _resolved(place.file, spec.cwd or ".")


@functools.cache
def _resolved(file: str, cwd: str) -> Path:
    """``cwd`` from the file's folder. Asked once per mesh: each link on the way is looked up."""
    return (Path(file).parent / cwd).resolve()


def _ingress(spec: ServiceSpec) -> Ingress | None:
    if spec.ingress is None:
        return None
    return Ingress(spec.place("ingress"), spec.ingress.port, tuple(spec.ingress.hosts))


def _check(mesh: Mesh, problems: Problems, place: Place) -> None:
    """What needs a look at the whole mesh, which is at ``place``."""
    problems.found.extend(_unknown_calls(mesh))
    problems.found.extend(_http_without_envoy(mesh))
    problems.found.extend(_ids_twice(mesh))
    for claim in mesh.claims:
        problems.guard(expect.check, claim, mesh)
    if not mesh.services:
        problems.found.append(Problem(place, "has no services; expected some under 'mesh'"))
    problems.stop_if_any()


def _unknown_calls(mesh: Mesh) -> Iterator[Problem]:
    for service in mesh.services.values():
        for called in service.calls:
            if called not in mesh.services:
                hint = suggest(called, mesh.services)
                message = f"service {service.name!r} calls {called!r}, which is not there{hint}"
                yield Problem(service.place, message)


def _http_without_envoy(mesh: Mesh) -> Iterator[Problem]:
    """A gRPC client calls gRPC services; there is no Envoy that would call others for it."""
    for service in mesh.services.values():
        called = (mesh.services.get(name) for name in service.calls if service.proxyless)
        for other in called:
            if other is not None and other.protocol != "grpc":
                message = f"service {service.name!r} has 'dataplane: grpc' and can't call"
                speaks = f"{other.name!r}, which speaks {other.protocol}"
                yield Problem(service.place, f"{message} {speaks}")


def _ids_twice(mesh: Mesh) -> Iterator[Problem]:
    """``reviews`` in version ``v1`` and a service ``reviews-v1`` would be one Envoy."""
    seen: dict[str, Place] = {}
    for service in mesh.services.values():
        for version, instance in zip(service.versions, service.instances(), strict=True):
            if instance.id in seen:
                message = f"{instance.id!r} is the name of another, at {seen[instance.id]}"
                yield Problem(version.place, message)
            seen[instance.id] = version.place
