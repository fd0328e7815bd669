"""The catalogue: pattern files that come with meshloom, each with its proof.

``catalog/AREA/NAME.yaml``; a name is that of one file. ``catalog:NAME`` stands for it wherever a
file is named: a path would have to be written ``./catalog:NAME``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mesh_patterns.about import AboutSpec
from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.suggest import suggest

ROOT = Path(__file__).parent / "catalog"
PREFIX = "catalog:"
# The areas of the catalogue, each in its folder.
AREAS: Mapping[str, str] = {
    "I": "foundations",
    "II": "deployment",
    "III": "traffic",
    "IV": "operations",
    "V": "debugging",
    "VI": "standards",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern. ``kinds`` are what its file uses, ``claims`` how many it makes."""

    name: str
    area: str
    file: Path
    about: AboutSpec
    kinds: tuple[str, ...]
    claims: int


def files() -> Iterator[tuple[str, Path]]:
    """Every pattern's area and file, area by area."""
    for area, folder in AREAS.items():
        for file in sorted((ROOT / folder).glob("*.yaml")):
            yield area, file


def names() -> list[str]:
    return [file.stem for _, file in files()]


def entries() -> Iterator[Entry]:
    """All of it, read."""
    return (_entry(area, file) for area, file in files())


def entry(name: str) -> Entry:
    """Raises DocumentError: there is no such pattern."""
    known = {file.stem: (area, file) for area, file in files()}
    if name not in known:
        message = f"the catalogue has no pattern {name!r}{suggest(name, known)}"
        raise DocumentError.at(Place(f"{PREFIX}{name}"), message)
    return _entry(*known[name])


def resolved(path: str) -> Path:
    """The file of ``catalog:NAME``, and any other path as it is. Raises DocumentError."""
    if not path.startswith(PREFIX):
        return Path(path)
    return entry(path.removeprefix(PREFIX)).file


def _entry(area: str, file: Path) -> Entry:
    (document,) = yaml.read(file, str(file))
    about = document.get("about")
    if about is None:
        raise DocumentError.at(document.place, "a pattern of the catalogue says what it is 'about'")
    patterns = (document.get("patterns") or Node(None, document.place)).elements()
    kinds = dict.fromkeys(kind.text() for each in patterns if (kind := each.get("pattern")))
    claims = len((document.get("expect") or Node(None, document.place)).elements())
    return Entry(file.stem, area, file, build(AboutSpec, about), tuple(kinds), claims)
