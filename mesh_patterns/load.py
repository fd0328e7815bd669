"""From files to a checked :class:`~mesh_patterns.model.Mesh`: the way through this room.

Reads our own files and those of the dialects that ``importers/`` know, follows ``use:``, fills in
``vars:``, merges what several files say, and collects every problem before it gives up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mesh_patterns import assemble, grpc_limits, streams
from mesh_patterns.about import AboutSpec
from mesh_patterns.collector import paused
from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.importers.dialects import is_foreign, is_hcl
from mesh_patterns.kinds import apply_all
from mesh_patterns.model import Mesh
from mesh_patterns.variables import substitute
from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem
from mesh_yaml.suggest import suggest

HCL = "is HCL, which is not read: give config entries as JSON or YAML ('consul config read')"
KEYS = ("name", "about", "use", "vars", "mesh", "patterns", "expect")


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    named: frozenset[Path] = frozenset()  # the files that were asked for, not merely used
    files: list[Path] = field(default_factory=list)
    trees: list[Node] = field(default_factory=list)
    foreign: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sources:
    """All that files say, as trees of our language: ``own`` and what was imported."""

    name: str
    own: tuple[Node, ...]
    imported: tuple[Node, ...]
    files: tuple[Path, ...]
    warnings: tuple[Problem, ...]

    def mesh(self) -> Mesh:
        """Raises ``DocumentError`` with every problem."""
        return assemble.mesh(self.name, [*self.own, *self.imported], self.files, self.warnings)


@paused()
def load(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> Draft:
    """The mesh that ``paths`` describe together, and its policy with all patterns applied.

    ``variables`` win over the files' own ``vars``.

    Raises:
        DocumentError: with every problem that was found, each at its place.
    """
    mesh = read(paths, variables).mesh()
    draft = apply(mesh)
    for claim in mesh.claims:
        if claim.with_ is not None:
            changed(mesh, claim)  # what is wrong with it is told now
    return draft


def read(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> Sources:
    """What :func:`load` makes a mesh of.

    Raises:
        DocumentError: as :func:`load`, of what stands in the way of reading.
    """
    reading = _Reading(frozenset(path.resolve() for path in paths))
    given = {name: Node(value, Place("--var")) for name, value in (variables or {}).items()}
    for path in paths:
        _read(path, str(path), reading, given, chain=())
    own, files = tuple(reading.trees), tuple(reading.files)
    if not reading.foreign:
        return Sources(_name(paths, own), own, (), files, ())
    from mesh_patterns.importers.conversion import convert

    imported = convert(reading.foreign, own, given)
    more = (file for file in imported.files if file not in reading.files)
    name = _name(paths, [*own, *imported.trees])
    return Sources(name, own, imported.trees, (*files, *more), imported.warnings)


def changed(mesh: Mesh, claim: ClaimSpec) -> Draft:
    """The mesh as it is while the requests of a claim with ``with`` are under way.

    Raises:
        DocumentError: as :func:`load`.
    """
    found = claim.node.find("with", "patterns").elements()
    more = [assemble.pattern(node) for node in found]
    return apply(replace(mesh, patterns=(*mesh.patterns, *more)))


def apply(mesh: Mesh) -> Draft:
    """The mesh's draft with all its patterns applied."""
    draft = Draft.of(mesh)
    apply_all(draft)
    streams.check(draft)
    grpc_limits.apply(draft)
    return draft


def _name(paths: Sequence[Path], trees: Iterable[Node]) -> str:
    """The first ``name`` that a file gives, or the first file's own."""
    for tree in trees:
        name = tree.get("name")
        if name is not None:
            return name.text()
    return paths[0].stem if paths else "mesh"


def _read(
    path: Path,
    shown: str,
    reading: _Reading,
    given: Mapping[str, Node],
    chain: tuple[Path, ...],
    place: Place | None = None,
) -> None:
    """Read one file and what it uses, each file once; a file that uses itself is an error."""
    resolved = path.resolve()
    if resolved in chain:
        circle = " → ".join(file.name for file in (*chain[chain.index(resolved) :], resolved))
        raise DocumentError.at(place or Place(shown), f"files use each other in a circle: {circle}")
    if resolved in reading.files:
        return
    if path.suffix == ".hcl":
        raise DocumentError.at(Place(shown), HCL)
    documents = yaml.read(path, shown)
    reading.files.append(resolved)
    if not documents:
        raise DocumentError.at(Place(shown), "is empty; a pattern file has 'mesh' and 'patterns'")
    for document in documents:
        if is_hcl(document):
            raise DocumentError.at(document.place, HCL)
        if is_foreign(document):
            reading.foreign.append(document)
        else:
            _read_ours(document, path, reading, given, (*chain, resolved))


def _read_ours(
    document: Node,
    path: Path,
    reading: _Reading,
    given: Mapping[str, Node],
    chain: tuple[Path, ...],
) -> None:
    for name, value in document.items():
        if name not in KEYS:
            message = f"unknown key {name!r}{suggest(name, KEYS)}"
            raise DocumentError.at(value.key or value.place, message)
    if (about := document.get("about")) is not None:
        build(AboutSpec, about)
    variables = _variables(document, given)
    for used in (document.get("use") or Node(None, document.place)).elements():
        other = Path(substitute(used, variables).text())
        shown = str(other if other.is_absolute() else path.parent / other)
        _read(path.parent / other, shown, reading, variables, chain, used.place)
        # what a used file claims is its own affair; what it says of the mesh counts
    body = {name: value for name, value in document.items() if name not in ("about", "use", "vars")}
    if chain[-1] not in reading.named:
        body.pop("expect", None)
    reading.trees.append(substitute(Node(body, document.place), variables))


def _variables(document: Node, given: Mapping[str, Node]) -> Mapping[str, Node]:
    """``given``, and the file's own; one of these may stand on those above it."""
    variables = dict(given)
    for name, value in (document.get("vars") or Node(None, document.place)).items():
        if name not in given:
            variables[name] = substitute(value, variables)
    return variables
