"""One thing that is wrong: where, what it is seen by, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """``node`` is empty for what concerns the mesh; ``place`` is the line that made it."""

    node: str
    what: str
    evidence: tuple[str, ...] = ()
    place: str | None = None
    proposal: str = ""


@dataclass(slots=True)
class Told:
    """The same finding of as many nodes as have it; ``check`` is the name of who found it."""

    check: str
    finding: Finding
    nodes: list[str] = field(default_factory=list)


def together(found: Iterable[tuple[str, Finding]]) -> list[Told]:
    """One line makes many nodes ill in the same way: told once, with all of them."""
    told: dict[tuple[object, ...], Told] = {}
    for check, finding in found:
        by = finding.place or finding.node
        key = check, by, finding.what, finding.proposal
        entry = told.setdefault(key, Told(check, finding))
        if finding.node and finding.node not in entry.nodes:
            entry.nodes.append(finding.node)
    return list(told.values())
