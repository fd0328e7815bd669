"""A mesh for checks of routes, and what its files say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from debugger.routing.checks.check import Check, checks
from debugger.routing.checks.entries import Entry, entries
from debugger.routing.checks.read import read
from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_patterns.placement import Placement

SHOP = """
mesh:
  services:
    page: {calls: [reviews], ingress: {port: 8080, hosts: [shop.example]}}
    reviews: {versions: {v1: , v2: }}
    greeter: {dataplane: grpc, calls: [adder]}
    adder: {protocol: grpc}
    idle:
patterns:
  - {pattern: canary, on: reviews, weights: {v1: 90, v2: 10}}
  - pattern: route
    on: page -> reviews
    rules:
      - {match: {headers: {end-user: jason}}, to: v2}
      - {match: {path: /old}, redirect: {path: /new}}
      - {match: {path: /gone}, respond: {status: 410}}
"""


def shop(folder: Path, text: str = SHOP) -> tuple[Draft, tuple[Entry, ...]]:
    file = folder / "shop.yaml"
    file.write_text(text)
    draft = load([file])
    placement = Placement.imagined(draft.mesh)
    return draft, entries(draft, placement, compile_mesh(draft, placement))


def asked(folder: Path, *lines: str) -> Sequence[Check]:
    """Checks of the shop, each a line of YAML."""
    file = folder / "routes.yaml"
    file.write_text("routes:\n" + "".join(f"  - {line}\n" for line in lines))
    return checks(read(file), *shop(folder))
