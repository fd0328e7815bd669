"""The law of exporters: what is written imports as the very resources of the fitted draft."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft, Filter, Rule
from mesh_patterns.exporters.dialects import DIALECTS, Exported, export
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_yaml.place import Place

Resources = dict[tuple[str, str, str], Any]


def resources(draft: Draft) -> Resources:
    """What every Envoy is sent; filters go by what they are, not by the order of their patterns."""
    named = _renamed(draft)
    snapshots = compile_mesh(named, Placement.imagined(named.mesh))
    return {
        (node, each.type.name, each.name): each.body
        for node, snapshot in snapshots.items()
        for each in snapshot
    }


def _renamed(draft: Draft) -> Draft:
    made = Draft(draft.mesh, draft.edges)
    for name in ("mtls", "trust_domain", "certificate_life", "logs", "traces", "hardened"):
        setattr(made, name, getattr(draft, name))
    for each in draft.filters:
        made.keep(replace(each, name=_name(each)))
    return made


def _name(each: Filter) -> str:
    said = repr((each.kind, each.config, each.layer, each.ecds)).encode()
    return f"{each.kind}.{hashlib.sha256(said).hexdigest()[:12]}"


def fitted(draft: Draft, dialect: str, losses: Losses) -> Draft:
    """What of a draft is written."""
    module = import_module(f"mesh_patterns.exporters.{DIALECTS[dialect][1]}")
    found: Draft = module.fit(draft, losses)[0]
    return found


def back(exported: Exported, draft: Draft, folder: Path) -> Draft:
    """The import of what was written, as a mesh of the same name. It is read from JSON, which is
    YAML too, and written fast; that the text says the same is tested for itself.
    """
    file = folder / f"{draft.mesh.name}.yaml"
    file.write_text("\n---\n".join(map(json.dumps, exported.documents)), encoding="utf-8")
    return load([file])


def check(draft: Draft, dialect: str, folder: Path) -> Exported:
    """That the law holds of a draft, and that what is not in the fitted one was told."""
    losses = Losses(dialect)
    kept = fitted(draft, dialect, losses)
    exported = export(draft, dialect, folder)
    assert exported == export(draft, dialect, folder), "the same mesh gives the same text"
    told = frozenset(problem.place for problem in exported.losses)
    silent = sorted(_gone(draft, kept, told))
    assert not silent, f"gone without a word: {', '.join(map(str, silent))}"
    imported = back(exported, draft, folder)
    want, got = resources(kept), resources(imported)
    assert sorted(got) == sorted(want)
    for key in want:
        assert got[key] == want[key], (key, exported.documents)
    return exported


def _gone(draft: Draft, kept: Draft, told: frozenset[Place]) -> set[Place]:
    """The lines of what is in a draft, in no form in the other, and not told of."""
    return set(_lines(draft, told)) - set(_lines(kept, frozenset())) - told


def _lines(draft: Draft, told: frozenset[Place]) -> Iterator[Place]:
    for edge in draft.edges.values():
        yield from (placed.place for placed in edge.settings.values())
        yield from (p.place for settings in edge.versions.values() for p in settings.values())
        for rule in edge.rules:
            yield from _of_rule(rule, told)
        if edge.split and edge.split.place not in told:
            yield from (share.place for share in edge.split.value if share.weight)
    yield from (each.place for each in draft.filters)
    yield from (each.place for each in draft.mtls.values())
    for table in (draft.traces, draft.hardened, draft.objectives):
        yield from (each.place for each in table.values())
    yield from (each.place for logs in draft.logs.values() for each in logs)
    yield from (each.place for each in draft.rollouts)
    yield from (found.place for found in (draft.trust_domain, draft.certificate_life) if found)


def _of_rule(rule: Rule, told: frozenset[Place]) -> Iterator[Place]:
    """Of a rule that is told of, nothing more has to be said."""
    if rule.place in told:
        return
    yield from (placed.place for placed in rule.settings.values())
    yield from (share.place for share in rule.split if share.weight)
    yield rule.place
