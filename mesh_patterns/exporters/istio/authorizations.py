"""AuthorizationPolicies. Of all that stand before a workload every DENY counts, and one ALLOW.

https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.draft import Draft, Filter, Layer, Target
from mesh_patterns.exporters.istio import accesses
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_patterns.importers.istio.authorization_policies import DRY_RUN
from mesh_patterns.policy import Access, Authorization

Made = dict[str, Any]


def fit(draft: Draft, made: Draft, known: Sequence[Known], losses: Losses) -> None:
    """What stands before each service."""
    for each in known:
        if each.outside:
            continue  # nobody stands before what others run
        found = [f for f in draft.filters_before(each.service.name) if f.kind == "authorization"]
        for version, filters in _by_version(each, found, losses):
            _before(made, each, version, filters, losses)


def _by_version(
    known: Known, filters: Sequence[Filter], losses: Losses
) -> Iterator[tuple[str | None, Sequence[Filter]]]:
    """For a whole service, or for each version where one has some of its own."""
    kept = []
    for each in filters:
        if each.inbound is not None and each.inbound.replica is not None:
            losses.lost("authorization of one replica", each.place)
        else:
            kept.append(each)
    names = [version.name for version in known.service.versions]
    before = [[f for f in kept if f.inbound and f.inbound.version in (None, n)] for n in names]
    if all(found == before[0] for found in before):
        yield None, before[0]
        return
    yield from zip(names, before, strict=True)


def _before(
    made: Draft, known: Known, version: str | None, filters: Sequence[Filter], losses: Losses
) -> None:
    at = Target(known.service.name, version)
    for dry_run in (False, True):
        mine = [each for each in filters if each.config.dry_run == dry_run]
        for action in ("deny", "allow"):
            found = [each for each in mine if each.config.action == action]
            for extra in found[1:] if action == "allow" else ():
                losses.lost("a second 'allow', which would have to let a request pass, too",
                            extra.place)  # fmt: skip
            used = found if action == "deny" else found[:1]
            rules = tuple(rule for each in used for rule in _rules(each, known, losses))
            if used and (rules or action == "allow"):
                layer: Layer = "http" if known.service.requests else "network"
                config = Authorization(action, rules, dry_run)
                made.add_filter("authorization", action, config, used[0].place,
                                inbound=[at], layer=layer)  # fmt: skip


def _rules(each: Filter, known: Known, losses: Losses) -> Sequence[Access]:
    if each.layer == "network" and known.service.requests:
        message = "connections: Istio looks at the requests of a service that has some"
        losses.changed(message, each.place)

    def tell(what: str) -> None:
        losses.lost(f"a rule about {what}", each.place)

    return accesses.fitted(each.config.rules, tell)


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """One for each action before a service or a version."""
    names = {each.service.name: each for each in known}
    return [
        _policy(found, each, names)
        for each in known
        for found in draft.filters_before(each.service.name)
        if found.kind == "authorization"
    ]


def _policy(found: Filter, known: Known, names: dict[str, Known]) -> Made:
    config: Authorization = found.config
    version = found.inbound.version if found.inbound else None
    parts = [known.name, version, config.action, "dry-run" if config.dry_run else None]
    metadata: Made = {**known.metadata("-".join(filter(None, parts)))}
    if config.dry_run:
        metadata["annotations"] = {DRY_RUN: "true"}
    spec: Made = {
        "selector": {"matchLabels": known.labels(version)}, "action": config.action.upper()
    }  # fmt: skip
    if config.rules:
        spec["rules"] = [accesses.rule(each, names) for each in config.rules]
    return {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": metadata, "spec": spec,
    }  # fmt: skip
