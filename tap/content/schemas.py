"""Several schemas as one: a mesh has several services, each with descriptors of its own."""

from __future__ import annotations

from typing import Any

from tap.content.nouns import Schema, Side


class Schemas:
    """The first schema that knows a method decodes its messages."""

    def __init__(self, *schemas: Schema) -> None:
        self._schemas = schemas

    def decode(self, method: str, side: Side, data: bytes) -> tuple[Any, tuple[str, ...]] | None:
        """As ``Schema``."""
        for schema in self._schemas:
            if (found := schema.decode(method, side, data)) is not None:
                return found
        return None
