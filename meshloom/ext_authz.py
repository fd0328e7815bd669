"""``meshloom ext-authz``: the external authorization service alone, for Envoys of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom import listening
from meshloom.arguments import Json
from meshloom.output import emit

if TYPE_CHECKING:
    from mesh_patterns.ext_authz.rules import CheckPolicy


def ext_authz(
    rules: Annotated[
        Path, typer.Argument(metavar="RULES", help="Rules, or a function to call; see PATTERNS.md.")
    ],
    listen: listening.Listen = "127.0.0.1:8082",
    json: Json = False,
) -> None:
    """Answer Envoys that ask whether a request may go on, until Ctrl-C.

    Envoy's Authorization service v3, and gRPC's health service. The file has what an ext_authz
    pattern may have: rules, call, otherwise. At the end it tells how many were let through.
    """
    from mini_mesh.beside.ext_authz.authorizer import Authorizer

    where = listening.where(listen)
    authorizer = Authorizer(only=True)
    policy = _read(rules)
    try:
        authorizer.tell([policy])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="RULES") from error
    said = f"external authorization by {rules}"
    listening.serve(authorizer.methods, where, said, {"rules": str(rules)}, json=json)
    counts = dict(sorted(authorizer.counts.items()))
    if json:
        emit("stopped", counts=counts)
    else:
        typer.echo(", ".join(f"{number} {name}" for name, number in counts.items()) or "not asked")


def _read(file: Path) -> CheckPolicy:
    """What the one document in the file means. Raises ``DocumentError``."""
    from mesh_patterns.access_spec import access
    from mesh_patterns.ext_authz.spec import CheckPolicySpec, policy
    from mesh_yaml import yaml
    from mesh_yaml.build import build
    from mesh_yaml.place import DocumentError, Place

    documents = list(yaml.read(file))
    if len(documents) != 1:
        raise DocumentError.at(Place(str(file)), f"expected one document, got {len(documents)}")
    spec = build(CheckPolicySpec, documents[0])
    return policy(spec, spec, lambda rule, at: access(rule, spec, at, None))
