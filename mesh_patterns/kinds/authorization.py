"""Authorization: which requests a workload gets to see, or which connections; others are refused.

Envoy: the RBAC filter, in front of the workload, so that nobody gets around it through a proxy of
his own. What ``deny`` names is refused; where there is an ``allow``, so is all that it does not
name. Of several patterns each has to let a request pass. A request that is refused is a 403; of a
connection nothing is read, and it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field, model_validator

from mesh_patterns.access_spec import AccessSpec, At, WhoAndWhatSpec, access
from mesh_patterns.draft import Draft, Layer, Target
from mesh_patterns.identity import OFF, STRICT, mode
from mesh_patterns.policy import Authorization
from mesh_patterns.selector import inbound, is_edge
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError, Place, Problem
from mesh_yaml.spec import OneOrMore

Rules = OneOrMore[AccessSpec]
LAYERS: dict[str, Layer] = {"request": "http", "connection": "network"}
OF_CONNECTIONS = frozenset({"from", "principals", "ip_blocks", "server_names", "ports", "not"})
_TOKEN = ("request_principals", "claims")


class AuthorizationSpec(PatternSpec):
    """Let requests or connections through to a workload, or not."""

    on: str = Field(description="service, service/version, or '*'")
    allow: Rules | None = Field(None, description="only these get through; none of an empty list")
    deny: Rules = Field([], description="these do not, whatever 'allow' says")
    layer: Literal["request", "connection"] | None = Field(
        None, description="what is looked at; request, or connection where there are no requests"
    )
    dry_run: bool = Field(False, description="only count what would be refused")

    @model_validator(mode="after")
    def _something(self) -> AuthorizationSpec:
        if self.allow is None and not self.deny:
            raise ValueError("refuses nothing; expected 'allow' or 'deny'")
        return self


def apply(spec: AuthorizationSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on):
        caller, _, callee = (part.strip() for part in spec.on.rpartition("->"))
        message = f"authorization stands before a service: use 'on: {callee}' and 'from: {caller}'"
        raise DocumentError.at(place, message)
    workloads = inbound(draft.mesh, spec.on, place)
    for layer, found in _by_layer(spec, draft, workloads):
        for action in ("deny", "allow"):
            given = getattr(spec, action)
            if given or (action == "allow" and given is not None):
                _add(spec, action, layer, draft, found)


def _by_layer(
    spec: AuthorizationSpec, draft: Draft, workloads: Sequence[Target]
) -> Iterator[tuple[Layer, list[Target]]]:
    """The workloads whose requests are looked at, and those whose connections are.

    Raises:
        DocumentError: requests are to be looked at where there are none.
    """
    found: dict[Layer, list[Target]] = {}
    for each in workloads:
        requests = draft.mesh.services[each.service].requests
        layer = spec.layer or ("request" if requests else "connection")
        if layer == "request" and not requests:
            speaks = draft.mesh.services[each.service].protocol
            message = f"{each.service!r} speaks {speaks}, of which Envoy sees no requests"
            raise DocumentError.at(spec.place("layer"), f"{message}; use 'layer: connection'")
        found.setdefault(LAYERS[layer], []).append(each)
    yield from found.items()


def _add(
    spec: AuthorizationSpec, action: str, layer: Layer, draft: Draft, workloads: list[Target]
) -> None:
    """One filter, or one for each port that workloads have where rules are about ports."""
    rules: list[AccessSpec] = getattr(spec, action)
    for index, rule in enumerate(rules):
        _check(rule, spec, (action, index), layer, draft, workloads)
    meant = [access(rule, spec, (action, i), draft) for i, rule in enumerate(rules)]
    for port, found in _by_port(spec, action, draft, workloads).items():
        here = zip(rules, meant, strict=True)
        about = tuple(meaning for rule, meaning in here if _is_of_port(rule, port))
        if action == "deny" and not about:
            continue
        config = Authorization(action, about, spec.dry_run)
        draft.add_filter(
            "authorization", action, config, spec.place(action), inbound=found, layer=layer
        )


def _check(
    rule: AccessSpec,
    spec: AuthorizationSpec,
    at: At,
    layer: Layer,
    draft: Draft,
    workloads: Sequence[Target],
) -> None:
    """That what a rule asks for can be known there."""
    action = at[0]
    _check_lists(rule, spec, at, layer, draft, workloads, open_=action == "deny")
    if rule.not_:
        where = (*at, "not")
        _check_lists(rule.not_, spec, where, layer, draft, workloads, open_=action == "allow")


def _check_lists(
    rule: WhoAndWhatSpec,
    spec: AuthorizationSpec,
    at: At,
    layer: Layer,
    draft: Draft,
    workloads: Sequence[Target],
    *,
    open_: bool,
) -> None:
    given = [name.rstrip("_") for name in rule.model_fields_set if getattr(rule, name)]
    for name in given if layer == "network" else ():
        if name not in OF_CONNECTIONS:
            message = f"a connection has no {name}; use 'layer: request' where there are requests"
            raise DocumentError.at(spec.place(*at, name), message)
    if rule.from_:
        check_known(draft, workloads, spec.place(*at, "from"), open_=open_)
    for name in _TOKEN:
        if name in given:
            _check_token(draft, workloads, spec.place(*at, name), open_=open_)


def check_known(draft: Draft, workloads: Sequence[Target], place: Place, *, open_: bool) -> None:
    """A caller is who its certificate says; without one it is nobody.

    Nobody is no danger to who lets in only whom he names. ``open_`` says that a rule lets in who is
    not named.
    """
    for name in dict.fromkeys(each.service for each in workloads):
        found = mode(draft, name)
        if found == OFF:
            raise DocumentError.at(
                place,
                f"'from' needs certificates of the callers, but mutual TLS of {name!r} is not on; "
                f"add {{pattern: mtls, on: {name}, mode: strict}}",
            )
        if found != STRICT and open_:
            message = (
                f"mutual TLS of {name!r} is {found} at {draft.mtls[name].place}: who comes in "
                "plaintext has no name, and is not kept out by this"
            )
            draft.warnings.append(Problem(place, message, warning=True))


def _check_token(draft: Draft, workloads: Sequence[Target], place: Place, *, open_: bool) -> None:
    """Without anybody who looks at tokens nobody has one."""
    for name in dict.fromkeys(each.service for each in workloads):
        if any(each.kind == "jwt" for each in draft.filters_before(name)):
            continue
        comes = "who has none is not kept out by this" if open_ else "so this is about nobody"
        message = f"no pattern 'jwt' looks at the tokens of {name!r}, {comes}"
        draft.warnings.append(Problem(place, message, warning=True))


def _by_port(
    spec: AuthorizationSpec, action: str, draft: Draft, workloads: list[Target]
) -> dict[int | None, list[Target]]:
    """The workloads by the port that they listen on, where a rule is about ports.

    Envoy's own match looks at the port of its listener, which is the machine's affair here.

    Raises:
        DocumentError: the file does not say which that is.
    """
    rules: list[AccessSpec] = getattr(spec, action)
    index = next((i for i, r in enumerate(rules) if r.ports or (r.not_ and r.not_.ports)), None)
    if index is None:
        return {None: workloads}
    found: dict[int | None, list[Target]] = {}
    for each in workloads:
        for version in draft.mesh.services[each.service].versions:
            if each.version not in (None, version.name):
                continue
            if version.port is None:
                message = f"the port of {each.service!r} is any free one; give it a 'port'"
                raise DocumentError.at(spec.place(action, index, "ports"), message)
            here = Target(each.service, version.name or None)
            found.setdefault(version.port, []).append(here)
    return found


def _is_of_port(rule: AccessSpec, port: int | None) -> bool:
    excluded = rule.not_ is not None and port in rule.not_.ports
    return not excluded and (not rule.ports or port in rule.ports)
