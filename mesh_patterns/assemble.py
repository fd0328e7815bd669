"""From trees to a mesh: models are built, names resolved, and every problem is collected."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mesh_patterns import expect, files, kinds
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.external import External, Origination
from mesh_patterns.model import GRPC, MESH_CA, Ingress, IngressTls, Mesh, Service, Trusted, Version
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import RESERVED
from mesh_patterns.spec import (
    ExternalSpec,
    IngressTlsSpec,
    MeshSpec,
    OriginationSpec,
    PatternSpec,
    ServiceSpec,
    VersionSpec,
)
from mesh_yaml.build import build
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem
from mesh_yaml.problems import Problems
from mesh_yaml.suggest import suggest

T = TypeVar("T")

MAX_PEM = 1024 * 1024  # bytes of certificates


def mesh(
    name: str, trees: Sequence[Node], files: Sequence[Path], warnings: Iterable[Problem]
) -> Mesh:
    """One mesh out of all trees.

    Raises:
        DocumentError: with every problem of shape, of services, and of claims.
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
        any(spec.egress for spec in specs),
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


def pattern(node: Node) -> PatternSpec:
    """One of ``patterns:``, by its ``pattern`` key."""
    kind = node.get("pattern") if isinstance(node.value, dict) else None
    if kind is None:
        message = f"a pattern needs 'pattern', one of {', '.join(kinds.KINDS)}"
        raise DocumentError.at(node.place, message)
    known = kinds.KINDS.get(kind.text())
    if known is None:
        message = f"unknown pattern {kind.text()!r}{suggest(kind.text(), kinds.KINDS)}"
        raise DocumentError.at(kind.place, message)
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
        raise DocumentError.at(place, f"{name!r} is a name that meshloom uses itself")
    own = [key for key in _OF_A_VERSION if key in spec.model_fields_set]
    if spec.versions and own:
        at = spec.key_place(own[0])
        raise DocumentError.at(at, "belongs under a version: this service has 'versions'")
    if spec.external is not None:
        return external(name, spec, spec.external, place)
    proxyless = (spec.dataplane or default) == GRPC
    return Service(
        name, place, tuple(_versions(spec, place)), tuple(dict.fromkeys(spec.calls)),
        _protocol(spec, proxyless), _ingress(name, spec), tuple(spec.hosts),
        GRPC if proxyless else "sidecar",
    )  # fmt: skip


def _protocol(spec: ServiceSpec, proxyless: bool) -> str:
    """What the service speaks; without an Envoy that is gRPC."""
    if not proxyless:
        return spec.protocol
    if spec.protocol != GRPC and "protocol" in spec.model_fields_set:
        message = f"is {spec.protocol}, but 'dataplane: grpc' is for gRPC; say 'protocol: grpc'"
        raise DocumentError.at(spec.place("protocol"), f"{message} or 'dataplane: sidecar'")
    return "grpc"


def _versions(spec: ServiceSpec, place: Place) -> Iterator[Version]:
    if not spec.versions:
        yield _version("", spec, place)
    for name, version in spec.versions.items():
        version.located(spec.node.find("versions", name))
        made = _version(name, version, spec.key_place("versions", name))
        shared = {**spec.env, **made.env}
        cwd = made.cwd if version.cwd else _folder(spec, place)
        yield replace(made, env=shared, cwd=cwd)


def _version(name: str, spec: VersionSpec, place: Place) -> Version:
    folder = _folder(spec, place)
    locality = tuple(spec.locality.split("/")) if spec.locality else ()
    return Version(
        name, place, spec.run, spec.port, dict(spec.env), folder, spec.replicas,
        locality, spec.priority, spec.weight,
    )  # fmt: skip


_OF_A_VERSION = ("run", "port", "replicas", "locality", "priority", "weight")
_OF_WORKLOADS = (*_OF_A_VERSION, "env", "cwd", "versions", "calls", "dataplane")


def external(name: str, spec: ServiceSpec, told: ExternalSpec, place: Place) -> Service:
    """A service that others run.

    Raises:
        DocumentError: it has what only a workload has, or names no file of authorities.
    """
    own = [key for key in _OF_WORKLOADS if key in spec.model_fields_set]
    if own:
        message = f"{name!r} is external: the mesh runs nothing that could have {own[0]!r}"
        raise DocumentError.at(spec.key_place(own[0]), message)
    told.located(spec.node.find("external"))
    addresses = tuple(dict.fromkeys(told.addresses))
    found = External(addresses, spec.place("external"))
    if told.tls is not None:
        told.tls.located(told.node.find("tls"))
        found = replace(found, tls=_origination(told.tls, found.authority, place))
    return Service(
        name, place, (), (), spec.protocol, _ingress(name, spec),
        tuple(dict.fromkeys([*spec.hosts, *filter(None, [found.authority])])), external=found,
    )  # fmt: skip


def _origination(spec: OriginationSpec, authority: str, place: Place) -> Origination:
    sni = spec.sni or authority
    if not sni:
        raise DocumentError.at(spec.place(), "say the 'sni': the addresses are no one name")
    if not spec.verify:
        return Origination(sni, mutual=spec.mutual)
    file = _resolved(place.file, spec.ca) if spec.ca else _of_this_machine(spec)
    if not file.is_file():
        raise DocumentError.at(spec.place("ca"), f"no file {str(file)!r}")
    return Origination(sni, tuple(spec.names) or (sni,), file, spec.mutual)


def _of_this_machine(spec: OriginationSpec) -> Path:
    """The authorities that OpenSSL trusts here."""
    import ssl  # slow to import, and few meshes need it

    found = ssl.get_default_verify_paths().cafile
    if not found:  # None, whatever the type says
        message = "nobody knows which authorities this machine trusts; name a file with 'ca'"
        raise DocumentError.at(spec.place(), message)
    return Path(found)


def _folder(spec: VersionSpec, place: Place) -> Path:
    return _resolved(place.file, spec.cwd or ".")


@functools.cache
def _resolved(file: str, cwd: str) -> Path:
    """``cwd`` from the file's folder. Asked once per mesh: each link on the way is looked up."""
    return (Path(file).parent / cwd).resolve()


def _ingress(name: str, spec: ServiceSpec) -> Ingress | None:
    if spec.ingress is None:
        return None
    place, hosts = spec.place("ingress"), tuple(spec.ingress.hosts)
    tls = spec.ingress.tls
    shared = _shared(name, spec.protocol)
    if tls is None:
        return Ingress(place, spec.ingress.port, hosts, shared)
    at = spec.place("ingress", "tls")
    if not PROTOCOLS[spec.protocol].requests:
        message = f"{name!r} speaks {spec.protocol}, and the ingress ends TLS of requests only"
        raise DocumentError.at(at, message)
    made = _ingress_tls(spec, tls)
    return Ingress(place, spec.ingress.port, hosts, made.kind, made)


def _ingress_tls(spec: ServiceSpec, tls: IngressTlsSpec) -> IngressTls:
    """With files that Envoy can read.

    Raises:
        DocumentError: one is not there.
    """

    def file(named: str, *keys: str) -> Path:
        place = spec.place("ingress", "tls", *keys)
        found = files.beside(place, named)
        files.read(found, place, MAX_PEM)
        return found

    pair = (file(tls.cert, "cert"), file(tls.key, "key")) if tls.cert and tls.key else None
    clients: Path | Trusted | None = MESH_CA if tls.mutual else None
    if isinstance(tls.client_ca, str):
        clients = file(tls.client_ca, "client_ca")
    elif tls.client_ca:
        given = tls.client_ca.items()
        clients = tuple((domain, file(name, "client_ca", domain)) for domain, name in given)
    return IngressTls(pair, clients, tls.min_version, tls.plaintext == "redirect")


def _shared(name: str, protocol: str) -> str:
    """Which port of the ingress a service takes that asks for none: one where all can be told
    apart, or its own.
    """
    known = PROTOCOLS[protocol]
    if known.requests:
        return "any"
    return protocol if known.named else f"any:{name}"


def _check(mesh: Mesh, problems: Problems, place: Place) -> None:
    """What needs a look at the whole mesh, which is at ``place``."""
    problems.found.extend(_unknown_calls(mesh))
    problems.found.extend(_external_without_envoy(mesh))
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


def _external_without_envoy(mesh: Mesh) -> Iterator[Problem]:
    for service in mesh.services.values():
        for name in service.calls if service.proxyless else ():
            if (other := mesh.services.get(name)) is not None and other.external:
                message = f"service {service.name!r} has 'dataplane: grpc' and can't call"
                yield Problem(service.place, f"{message} {name!r}, which is external")


def _ids_twice(mesh: Mesh) -> Iterator[Problem]:
    """``reviews`` in version ``v1`` and a service ``reviews-v1`` would be one Envoy."""
    seen: dict[str, Place] = {}
    for service in mesh.services.values():
        for version, instance in service.workloads():
            if instance.id in seen:
                message = f"{instance.id!r} is the name of another, at {seen[instance.id]}"
                yield Problem(version.place, message)
            seen[instance.id] = version.place
