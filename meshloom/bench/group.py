"""Commands of which one may be left out: what is no command is what that one is given."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

USUAL = "run"
_HELP = ("--help", "-h")


class FilesOrCommand(TyperGroup):
    """``bench mesh.yaml`` is ``bench run mesh.yaml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [USUAL, *args]
        return list(super().parse_args(ctx, args))
