"""The one table of exporters: by dialect the module that writes it, imported when it is asked for.

Such a module has ``documents(draft, losses, folder)``, what a :data:`Exporter` is: the documents
of one file for ``folder``, plain values with their keys in order. It tells ``losses`` what is left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from mesh_patterns.draft import Draft
from mesh_patterns.exporters.losses import Losses
from mesh_yaml.place import Problem
from mesh_yaml.yaml import dump

Document = dict[str, Any]
Exporter = Callable[[Draft, Losses, Path], Sequence[Document]]

# dialect → its name for people, and its module
DIALECTS: Mapping[str, tuple[str, str]] = {
    "istio": ("Istio", "istio"),
    "gateway-api": ("Gateway API", "gateway_api"),
    "smi": ("SMI", "smi"),
    "kubernetes": ("Kubernetes", "kubernetes"),
    "meshery": ("Meshery", "meshery"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """The documents of a file, and what is told."""

    documents: tuple[Document, ...]
    losses: tuple[Problem, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the documents are, in their order; a design is a ``Design``."""
        return tuple(str(document.get("kind", "Design")) for document in self.documents)

    def text(self) -> str:
        """The file, in YAML."""
        return "---\n".join(dump(document, blocks=True) for document in self.documents)


def export(draft: Draft, dialect: str, folder: Path) -> Exported:
    """A mesh in the words of one of ``DIALECTS``, as a file for ``folder``.

    The same mesh gives the same text.
    """
    shown, module = DIALECTS[dialect]
    losses = Losses(shown)
    exporter = cast(Exporter, import_module(f"{__package__}.{module}").documents)
    found = exporter(draft, losses, folder.resolve())
    return Exported(tuple(found), losses.told())
