"""Which Envoys of a running mesh a command is about: a node, a service's, or all."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import typer

ALL = "all"

Whose = Annotated[
    str, typer.Argument(metavar="[NODE|SERVICE|all]", help="A node's id, a service's name, or all.")
]


def bad_input(command: str, message: object, cause: Exception | None = None) -> NoReturn:
    """On standard error, and exit code 2."""
    typer.echo(f"meshloom debug {command}: {message}", err=True)
    raise typer.Exit(2) from cause


def nodes_of(state: dict[str, Any], whose: str = ALL) -> list[str]:
    """The nodes that are meant. Raises ``ValueError`` for a name that nobody has."""
    from mesh_yaml.suggest import suggest

    envoys, services = state["envoys"], state.get("services", {})
    if whose == ALL:
        return list(envoys)
    if whose in services:
        ids = [each["id"] for each in services[whose]["versions"].values()]
        if found := [node for node in ids if node in envoys]:
            return found
        if whose not in envoys:
            raise ValueError(f"service {whose!r} has no Envoy")
    if whose in envoys:
        return [whose]
    known = dict.fromkeys([*envoys, *services, ALL])
    raise ValueError(f"no node or service {whose!r}{suggest(whose, known)}")


def admins_of(state: dict[str, Any], nodes: list[str]) -> dict[str, str]:
    """The addresses of their admin interfaces."""
    return {node: state["envoys"][node]["admin"].removeprefix("http://") for node in nodes}
