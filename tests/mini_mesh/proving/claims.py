"""A claim about a small mesh, and what was seen, made up from literals."""

from __future__ import annotations

from pathlib import Path

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.load import load
from mesh_traffic import Headers
from mini_mesh.proving.judge import judge
from mini_mesh.proving.observed import Observed, Sample
from mini_mesh.proving.verdict import Verdict

MESH = """
mesh:
  services:
    web: {versions: {v1: , v2: }, ingress: true}
    shop:
patterns:
  - {pattern: canary, on: web, weights: {v1: 90, v2: 10}}
  - pattern: route
    on: web
    rules: [{match: {headers: {x-tester: {present: true}}}, to: v2}]
expect:
"""


def claim_of(folder: Path, text: str) -> tuple[ClaimSpec, Draft]:
    """The claim that ``text`` is, on line 12 of the file."""
    file = folder / "mesh.yaml"
    file.write_text(f"{MESH}  - {text}\n")
    draft = load([file])
    (claim,) = draft.mesh.claims
    return claim, draft


def judged(folder: Path, text: str, observed: Observed) -> list[Verdict]:
    return list(judge(*claim_of(folder, text), observed))


def answers(*statuses: int, **more: str | float) -> tuple[Sample, ...]:
    """One answer of each status."""
    seconds, body = float(more.get("seconds", 0.01)), str(more.get("body", ""))
    headers = Headers.of({"x-a": "1"})
    return tuple(Sample(status, seconds, headers, body) for status in statuses)
