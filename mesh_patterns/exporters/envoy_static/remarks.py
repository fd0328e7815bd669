"""What a running mesh does and a folder of static Envoys does not, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from mesh_patterns import beside
from mesh_patterns.draft import Draft
from mesh_patterns.identity import LIFE, Identity
from mesh_patterns.placement import Placement
from mesh_yaml.place import Place, Problem


def of_mesh(draft: Draft, placement: Placement) -> list[Problem]:
    """What has nobody to do it any more."""
    found = [*_beside(draft, placement), *_dynamic(draft), *_proxyless(draft), _captures(draft)]
    return [Problem(place, message, warning=True) for place, message in found]


def of_secrets(draft: Draft, identities: Mapping[str, Identity]) -> list[Problem]:
    """Private keys leave this process, and nobody renews what they belong to."""
    if not identities:
        return []
    life = draft.certificate_life
    lasts = (life.value if life else LIFE) / timedelta(hours=1)
    message = (
        f"{len(identities)} private keys are written out: who has one is taken for its holder; "
        f"their certificates last {lasts:g} h and nobody renews them"
    )
    place = _first(draft)
    return [Problem(place, message, warning=True)]


def _first(draft: Draft) -> Place:
    """Where what is of the whole mesh is told."""
    return next(iter(draft.mesh.services.values())).place


def _beside(draft: Draft, placement: Placement) -> Iterator[tuple[Place, str]]:
    for name, parts in draft.beside.items():
        at = beside.socket(placement.folder, name)
        command = name.replace("_", "-")
        yield (
            parts[0].place,
            f"nobody runs the {name} service: the Envoys ask one at {at} "
            f"(meshloom {command} serves there with --listen unix:{at})",
        )


def _dynamic(draft: Draft) -> Iterator[tuple[Place, str]]:
    for rollout in draft.rollouts:
        yield rollout.place, "nobody takes these steps: the split stays at the first one"
    for traced in dict.fromkeys(draft.traces.values()):
        if traced.value.collector is None:
            yield traced.place, "spans go to who captures, and here is nobody: left out"


def _proxyless(draft: Draft) -> Iterator[tuple[Place, str]]:
    for service in draft.mesh.services.values():
        if service.proxyless:
            message = f"{service.name!r} has no Envoy, its processes ask a control plane: left out"
            yield service.place, message


def _captures(draft: Draft) -> tuple[Place, str]:
    return _first(draft), "captures (meshloom tap, breakpoints) need a running mesh: left out"
