"""Verdicts on what was measured while a claim's requests were under way. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Mesh
from mesh_patterns.placement import NODE
from mesh_patterns.selector import target
from mesh_yaml.suggest import suggest
from mini_mesh.proving.observed import Observed
from mini_mesh.proving.verdict import Measured, Verdict, title

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def latencies(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    """Of the times that requests took, those without an answer too."""
    times = sorted(sample.seconds for sample in observed.samples)
    for name, bounds in claim.latency.items():
        seen = math.fsum(times) / len(times) if name == "mean" else quantile(times, name)
        yield Verdict(
            title(claim, f"latency {name}"),
            bounds.text,
            f"{seen:.4f} s",
            bounds.hold(seen),
            str(claim.place("latency", name)),
            measured=(Measured.of(bounds, seen),),
        )


def quantile(ordered: Sequence[float], name: str) -> float:
    """The smallest value that this share of all does not exceed ("nearest rank")."""
    return ordered[max(0, math.ceil(_QUANTILES[name] * len(ordered)) - 1)]


def peaks(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    """Of requests at a time; of several instances, that of the one that had the most."""
    for name, bounds in claim.peak.items():
        place = claim.place("peak", name)
        nodes = _nodes(draft.mesh, name, claim)
        most = max((observed.peaks.get(node, 0) for node in nodes), default=0)
        what = title(claim, f"requests at {name} at a time")
        yield Verdict(
            *(what, bounds.text, f"{most:,}", bounds.hold(most), str(place)),
            measured=(Measured.of(bounds, most),),
        )


def stats(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    """Of Envoy's own counters and gauges; several that a name stands for are added up."""
    for who, wanted in claim.stats.items():
        nodes = envoys(draft.mesh, who, claim)
        for name, bounds in wanted.items():
            found = [_matching(observed.stats.get(node, {}), name) for node in nodes]
            values = [value for each in found for value in each.values()]
            place = str(claim.place("stats", who, name))
            what = title(claim, f"{who}: {name}")
            seen = f"{sum(values):,}" if values else _unknown(name, nodes, observed)
            holds = bool(values) and bounds.hold(sum(values))
            measured = (Measured.of(bounds, sum(values)),) if values else ()
            yield Verdict(what, bounds.text, seen, holds, place, measured=measured)


def _unknown(name: str, nodes: Iterable[str], observed: Observed) -> str:
    known = [each for node in nodes for each in observed.stats.get(node, ())]
    return f"there is no such counter or gauge{suggest(name, known)}"


def _matching(found: Mapping[str, int], name: str) -> dict[str, int]:
    """Those that a name stands for, ``*`` for any part of it."""
    if "*" not in name:
        return {name: found[name]} if name in found else {}
    wanted = re.compile(".*".join(map(re.escape, name.split("*"))))
    return {each: value for each, value in found.items() if wanted.fullmatch(each)}


def _nodes(mesh: Mesh, name: str, claim: ClaimSpec) -> list[str]:
    """The instances that a name stands for, by id."""
    return [each.id for each in target(mesh, name, claim.place()).instances(mesh)]


def envoys(mesh: Mesh, name: str, claim: ClaimSpec) -> list[str]:
    """The Envoys that a name stands for."""
    if name == EGRESS:
        return [EGRESS]
    if mesh.dataplane == NODE:
        return [NODE]
    return [INGRESS] if name in (INGRESS, CLIENT) else _nodes(mesh, name, claim)
