"""A door: where each node stands with its config, after a claim's requests.

``acked`` or ``refused`` is what it made of what it was sent last; ``unchanged`` or ``changed``
whether it was sent anything else since the claim's first request; ``warming`` or ``settled``
whether a listener or a cluster waits for what it needs, and is not used so long (Envoy,
"Initialization").
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mini_mesh.mesh import MiniMesh
from mini_mesh.proving import stats
from mini_mesh.proving.measures import envoys
from mini_mesh.proving.observed import Observed
from mini_mesh.proving.verdict import Verdict, title

ANSWER_WITHIN = 2.0  # seconds for nodes to answer what they were sent last
WARMING = ("listener_manager.total_listeners_warming", "cluster_manager.warming_clusters")

Served = Mapping[str, str]  # a release of each node


def served(mesh: MiniMesh) -> Served:
    """What each node is served now."""
    control = mesh.control
    return {node: found[-1].id for node in control.nodes if (found := control.releases_of(node))}


async def standing(mesh: MiniMesh, before: Served, since: float) -> dict[str, frozenset[str]]:
    """The states of each node; ``before`` is what was served ``since``, in seconds since the
    epoch."""
    control = mesh.control
    with suppress(TimeoutError):
        await asyncio.wait_for(control.in_effect(), ANSWER_WITHIN)
    now = await stats.read(mesh.admins)
    found = {}
    for node in mesh.plan.proxies:
        releases = control.releases_of(node)
        others = {each.id for each in releases if each.at >= since} - {before.get(node)}
        gauges = now[node].gauges if node in now else {}
        warms = any(gauges.get(name, 0) for name in WARMING)
        answer = "waiting" if node in control.waiting else "acked"
        found[node] = frozenset(
            (
                "refused" if node in control.refused else answer,
                "changed" if others else "unchanged",
                "warming" if warms else "settled",
            )
        )
    return found


def configs(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    """A verdict for each node that a claim names."""
    for who, wanted in claim.config.items():
        nodes = envoys(draft.mesh, who, claim)
        states = [observed.configs.get(node, frozenset()) for node in nodes]
        yield Verdict(
            title(claim, f"config of {who}"),
            ", ".join(wanted),
            _seen(nodes, states),
            all(states) and all(each.issuperset(wanted) for each in states),
            str(claim.place("config", who)),
        )


def _seen(nodes: Sequence[str], states: Sequence[frozenset[str]]) -> str:
    shown = {node: ", ".join(sorted(each)) for node, each in zip(nodes, states, strict=True)}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return "; ".join(f"{node}: {each}" for node, each in shown.items())
