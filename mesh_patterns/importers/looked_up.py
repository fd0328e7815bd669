"""How much is looked through: objects of one dialect, each among all the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mesh_patterns.importers.objects import Object
from mesh_yaml.place import DocumentError

MAX_PAIRS = 10_000_000  # of an object of the dialect, and any other


def check(family: str, objects: Sequence[Object], but: Collection[str] = ()) -> None:
    """That it is no more than a machine can do soon; ``but`` are kinds that are not looked up so.

    Raises:
        DocumentError: it is.
    """
    ours = [each for each in objects if each.family == family and each.kind not in but]
    if len(ours) * len(objects) > MAX_PAIRS:
        message = f"{len(ours)} objects of {family} among {len(objects)}: too many to look through"
        raise DocumentError.at(ours[0].place, message)
