"""From what a file says to what is asked: which entry, which request, which clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from debugger.routing.checks.entries import Entry
from debugger.routing.checks.spec import CheckSpec, ChecksSpec
from mesh_patterns.compile.traffic_policy import cluster_name
from mesh_patterns.draft import Draft
from mesh_patterns.model import CLIENT, INGRESS, Mesh
from mesh_patterns.selector import not_called, service, target
from mesh_traffic import Headers, Request
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.problems import Problems
from mesh_yaml.values import Bounds


@dataclass(frozen=True, slots=True)
class Check:
    """One check, ready to be judged. Clusters are called what Envoy calls them."""

    title: str
    place: Place
    entry: Entry
    request: Request
    cluster: str | None = None
    shares: Mapping[str, Bounds] = field(default_factory=dict)
    redirect: str | None = None
    status: int | None = None


def checks(spec: ChecksSpec, draft: Draft, entries: Sequence[Entry]) -> list[Check]:
    """All checks of a file.

    Raises:
        DocumentError: with everything that names what is not there.
    """
    problems = Problems()
    found = [problems.guard(_check, each, draft, entries) for each in spec.routes]
    problems.stop_if_any()
    return [each for each in found if each is not None]


def _check(spec: CheckSpec, draft: Draft, entries: Sequence[Entry]) -> Check:
    mesh = draft.mesh
    caller = _caller(spec, mesh)
    callee = _callee(spec, mesh, caller)
    entry = _entry(spec, mesh, caller, callee, entries)
    request = Request(
        method=spec.method,
        path=spec.path,
        authority=_host(spec, mesh, entry, callee),
        scheme=spec.scheme,
        headers=Headers(
            tuple((name, value) for name, values in spec.headers.items() for value in values)
        ),
    )
    named = _Clusters(spec, draft, caller, callee)
    return Check(
        title=spec.check or f"{request.method} {request.path}",
        place=spec.place(),
        entry=entry,
        request=request,
        cluster=named.wanted(),
        shares={named.of(name, "share", name): bounds for name, bounds in spec.share.items()},
        redirect=spec.redirect,
        status=spec.status,
    )


def _caller(spec: CheckSpec, mesh: Mesh) -> str:
    known = list(mesh.callers())
    if spec.from_ is None:
        return INGRESS if INGRESS in known and _is_there(spec, mesh) else CLIENT
    place = spec.place("from")
    if spec.from_ in (CLIENT, INGRESS):
        if spec.from_ not in known:
            raise DocumentError.at(
                place, "nothing is at the ingress; give a service 'ingress: true'"
            )
        return spec.from_
    caller = service(mesh, spec.from_, place)
    if mesh.is_proxyless(caller):
        message = f"{caller!r} has no Envoy: gRPC finds its way itself ('dataplane: grpc')"
        raise DocumentError.at(place, message)
    if caller not in known:
        raise DocumentError.at(place, f"{caller!r} calls nobody; give it 'calls'")
    return caller


def _is_there(spec: CheckSpec, mesh: Mesh) -> bool:
    """Whether what is asked for, if anything, is at the ingress."""
    return spec.to is None or spec.to in mesh.callees(INGRESS)


def _callee(spec: CheckSpec, mesh: Mesh, caller: str) -> str | None:
    if spec.to is None:
        if spec.host is None and caller != INGRESS:
            raise DocumentError.at(spec.place(), "say which service ('to') or 'host' it goes to")
        return None
    callee = service(mesh, spec.to, spec.place("to"))
    if callee not in mesh.callees(caller):
        raise DocumentError.at(spec.place("to"), not_called(caller, callee))
    return callee


def _entry(
    spec: CheckSpec, mesh: Mesh, caller: str, callee: str | None, entries: Iterable[Entry]
) -> Entry:
    """The caller's; of its instances the first, since all have the same routes."""
    found = [each for each in entries if each.caller == caller]
    if caller != INGRESS:
        if spec.port is not None:
            raise DocumentError.at(spec.place("port"), "only the ingress has ports to choose from")
        return found[0]
    declared = mesh.services[callee].ingress if callee else None
    port = spec.port or (declared.port if declared else None)
    chosen = [each for each in found if port in (None, each.port)]
    if not chosen:
        ports = ", ".join(str(each.port) for each in found)
        raise DocumentError.at(spec.place("port"), f"no ingress at port {port}; there is {ports}")
    return chosen[0]


def _host(spec: CheckSpec, mesh: Mesh, entry: Entry, callee: str | None) -> str:
    if spec.host is not None:
        return spec.host
    if entry.caller != INGRESS:
        return callee or ""
    declared = mesh.services[callee].ingress if callee else None
    named = [host for host in (declared.hosts if declared else ()) if "*" not in host]
    return named[0] if named else f"127.0.0.1:{entry.port}"


@dataclass(frozen=True, slots=True)
class _Clusters:
    """What a check calls a cluster, as the caller's Envoy calls it."""

    spec: CheckSpec
    draft: Draft
    caller: str
    callee: str | None

    def wanted(self) -> str | None:
        if self.spec.version is not None:
            return self.of(f"{self.callee}/{self.spec.version}", "version")
        return None if self.spec.cluster is None else self.of(self.spec.cluster, "cluster")

    def of(self, text: str, *path: str) -> str:
        if ">" in text:
            return text  # an edge's own, as Envoy writes it
        place = self.spec.key_place(*path) if len(path) > 1 else self.spec.place(*path)
        return cluster_name(
            self.draft, self.caller, target(self.draft.mesh, text, place, self.callee)
        )
