"""How the commands tell an exchange: a line, a line with its bodies, or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mesh_traffic import Exchange
    from tap.content import Schema


@dataclass(frozen=True, slots=True)
class Telling:
    """``body``: bodies below each line. ``decode``: with JSON, what bodies mean. ``schema`` names
    the fields of gRPC messages."""

    as_json: bool = False
    body: bool = False
    decode: bool = False
    schema: Schema | None = None

    def tell(self, exchange: Exchange) -> None:
        """On standard output."""
        from tap import lines

        if self.as_json:
            typer.echo(self.json(exchange))
            return
        typer.echo(lines.line(exchange))
        for one in lines.bodies(exchange, self.schema) if self.body else ():
            typer.echo(one)

    def json(self, exchange: Exchange) -> str:
        """One line of JSON."""
        from tap.live.wire import exchange_to_json

        values = exchange_to_json(exchange)
        if self.decode:
            from tap.content import decoded

            values["decoded"] = decoded(exchange, self.schema)
        return json.dumps(values)
