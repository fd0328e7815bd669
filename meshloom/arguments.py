"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def complete_pattern(incomplete: str) -> list[str]:
    """Names of patterns of the catalogue, for the shell."""
    from mesh_patterns.catalogue import names

    return [name for name in names() if name.startswith(incomplete)]


def complete_file(args: list[str], incomplete: str) -> list[str]:
    """``catalog:NAME``, for the shell; whatever does not begin so is a file, which it knows itself.

    bash takes ``catalog:re`` apart at the colon and wants what stands behind it only.
    """
    from mesh_patterns.catalogue import PREFIX, names

    if args[-2:] == ["catalog", ":"]:
        return complete_pattern(incomplete)
    if args[-1:] == ["catalog"] and incomplete == ":":
        return names()
    whole = [f"{PREFIX}{name}" for name in names()]
    return [name for name in whole if incomplete and name.startswith(incomplete)]


def pattern_file(text: str) -> Path:
    """A path, or ``catalog:NAME``. Raises DocumentError: there is no such pattern."""
    if not text.startswith("catalog:"):
        return Path(text)
    from mesh_patterns.catalogue import resolved

    return resolved(text)


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES...",
        parser=pattern_file,
        autocompletion=complete_file,
        help="Pattern files, ours or others'; several are one mesh. catalog:NAME is one of the "
        "catalogue.",
    ),
]
SomeFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILES...]",
        parser=pattern_file,
        autocompletion=complete_file,
        help="Pattern files, ours or others', or catalog:NAME.",
    ),
]
Variables = Annotated[
    list[str] | None, typer.Option("--var", help="Set a variable of the files: name=value.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
KeptAuthority = Annotated[
    Path | None,
    typer.Option(
        "--authority",
        metavar="FOLDER",
        help="Where the mesh's certificate authority is kept, for mutual TLS; without it, each "
        "start has another one.",
    ),
]
Rollback = Annotated[
    bool,
    typer.Option("--rollback", help="At a refusal, return to what every node had accepted."),
]
MeshName = Annotated[
    str | None,
    typer.Option(
        "--mesh", envvar="MESHLOOM_MESH", help="Which running mesh, if there are several."
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="HOST:PORT", help="A control plane; else that of the running mesh."
    ),
]
Token = Annotated[
    str | None, typer.Option(envvar="MESHLOOM_TOKEN", help="What the server wants: --token there.")
]
TlsCa = Annotated[
    Path | None, typer.Option("--tls-ca", help="Speak TLS, to a server that this signed, PEM.")
]
TlsCert = Annotated[Path | None, typer.Option(help="Our certificate for it (mutual TLS), PEM.")]
TlsKey = Annotated[Path | None, typer.Option(help="Its key, PEM.")]
EnvoyPath = Annotated[
    Path | None,
    typer.Option("--envoy", envvar="MESHLOOM_ENVOY", help="The Envoy to run; else the wheel's."),
]


def check_pair(cert: Path | None, key: Path | None) -> None:
    """A certificate and its key are named together, or neither. Raises ``typer.BadParameter``."""
    if (cert is None) != (key is None):
        raise typer.BadParameter("each needs the other", param_hint="--tls-cert, --tls-key")


def parse_for(text: str | None) -> float | None:
    """The time that ``--for`` names, in seconds. Raises ``typer.BadParameter``."""
    from mesh_yaml.values import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error


def parse_variables(given: list[str] | None) -> dict[str, str]:
    """``name=value`` options as a mapping."""
    found = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"expected name=value, got {text!r}", param_hint="--var")
        found[name] = value
    return found
