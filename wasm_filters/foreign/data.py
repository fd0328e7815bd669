"""What foreign functions keep with a context: declared properties, and compiled expressions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasm_filters.properties.filter_state import Prototype

if TYPE_CHECKING:
    from wasm_filters.foreign.cel import Expression
    from wasm_filters.state.context import Context


@dataclass(slots=True)
class ForeignData:
    """``prototypes`` by property name, of this context; those of a root context count.
    ``expressions`` by token, of a root context."""

    prototypes: dict[bytes, Prototype] = field(default_factory=dict)
    expressions: dict[int, Expression] = field(default_factory=dict)
    next_token: int = 0


def foreign_data(context: Context) -> ForeignData:
    """The context's data, made when it is first needed."""
    if context.foreign is None:
        context.foreign = ForeignData()
    return context.foreign
