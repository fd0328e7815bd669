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
    """The text of a file, the kinds of its documents in their order, and what is told."""

    text: str
    kinds: tuple[str, ...]
    losses: tuple[Problem, ...]


def export(draft: Draft, dialect: str, folder: Path) -> Exported:
    """A mesh in the words of one of ``DIALECTS``, as a file for ``folder``.

    The same mesh gives the same text.
    """
    shown, module = DIALECTS[dialect]
    losses = Losses(shown)
    exporter = cast(Exporter, import_module(f"{__package__}.{module}").documents)
    found = exporter(draft, losses, folder.resolve())
    text = "---\n".join(dump(document, blocks=True) for document in found)
    kinds = tuple(str(document.get("kind", "")) for document in found)
    return Exported(text, kinds, losses.told())
