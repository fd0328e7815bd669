"""``meshloom token``: tokens for trying what a jwt pattern lets through, and keys for them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from meshloom.arguments import Json

Issuer = Annotated[str, typer.Argument(help="The claim 'iss': an issuer with 'test: true'.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Sign with this private key, not the test key.")
]


def token(
    issuer: Issuer,
    subject: Annotated[str, typer.Option(help="The claim 'sub'.")] = "somebody",
    audience: Annotated[list[str] | None, typer.Option(help="The claim 'aud'; repeat it.")] = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="One more: name=value, the value JSON or text.")
    ] = None,
    lasts: Annotated[str, typer.Option(help="How long it is good, such as 5m.")] = "5m",
    flaw: Annotated[
        str | None, typer.Option(help="What is wrong with it: expired, early or forged.")
    ] = None,
    key: KeyFile = None,
    jwks: Annotated[bool, typer.Option("--jwks", help="The issuer's public keys instead.")] = False,
    new_key: Annotated[
        Path | None, typer.Option(help="Make a private key, write it there, and sign with it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a signed token, or the key set that it is checked with.

        curl -H "authorization: Bearer $(meshloom token https://shop.test)" …

    A test issuer's key is made out of its name: everybody may sign for it, and no secret is kept
    anywhere. With a key of your own, put the output of --jwks into the pattern's jwks_file.
    """
    from mesh_patterns import tokens

    signer = _made(new_key) if new_key else _read(key) if key else tokens.known_key(issuer)
    if jwks:
        typer.echo(json.dumps(signer.public_keys(), indent=None if as_json else 2))
        return
    made = tokens.Token(
        issuer, subject, tuple(audience or ()), _claims(claim or []), _life(lasts), _flaw(flaw)
    )
    now = datetime.now(UTC)
    text = tokens.sign(made, now, signer)
    typer.echo(json.dumps({"token": text, "claims": made.payload(now)}) if as_json else text)


def _made(file: Path) -> Any:
    """A new key, in a file of the owner's alone that was not there."""
    from mesh_patterns import tokens

    key = tokens.new_key(file.stem)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise typer.BadParameter(error.strerror or str(error), param_hint="--new-key") from error
    with os.fdopen(descriptor, "w") as opened:
        opened.write(key.private() + "\n")
    return key


def _read(file: Path) -> Any:
    from mesh_patterns.bearer import key_in
    from mesh_yaml.place import Place

    return key_in(str(file.resolve()), Place(str(file)))


def _claims(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"expected name=value, got {each!r}", param_hint="--claim")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value
    return found


def _life(text: str) -> Any:
    from mesh_yaml.values import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lasts") from error


def _flaw(text: str | None) -> Any:
    if text not in (None, "expired", "early", "forged"):
        message = f"expected expired, early or forged, got {text!r}"
        raise typer.BadParameter(message, param_hint="--flaw")
    return text
