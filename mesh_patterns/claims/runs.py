"""``runs:``: commands of meshloom's that somebody gives while the mesh is there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec, Text

FILE, FOLDER, SCRATCH, PORT = "{file}", "{folder}", "{scratch}", "{port}"


def _split(line: str) -> str:
    if not shlex.split(line):
        raise ValueError("expected a command of meshloom's, such as 'xds status'")
    return line


class RunSpec(Spec):
    """A command, what somebody types who reads it, and what has to come of it."""

    meshloom: Annotated[SomeText, AfterValidator(_split)] = Field(
        description=f"the command without its first word; {FILE} is the claim's own, {FOLDER} "
        f"where it lies, {SCRATCH} a folder that goes with the mesh, {PORT} a free port"
    )
    ready: SomeText | None = Field(
        None, description="requests begin when it prints this; without, when it has ended"
    )
    interrupted: bool = Field(False, description="by Ctrl-C, when requests have been answered")
    types: dict[SomeText, Text] = Field(
        {}, description="what is typed into it when it has printed that, one after the other"
    )
    exits: int = Field(0, ge=0, le=255, description="its exit code")
    prints: OneOrMore[SomeText] = Field([], description="texts that are in its output")

    def arguments(self, meant: Mapping[str, str]) -> list[str]:
        """The words of the command line, with what ``{…}`` is ``meant`` to be."""
        return [_filled(word, meant) for word in shlex.split(self.meshloom)]


def _filled(word: str, meant: Mapping[str, str]) -> str:
    for name, value in meant.items():
        word = word.replace(name, value)
    return word


def _written(value: Any) -> Any:
    return {"meshloom": value} if isinstance(value, str) else value


Run = Annotated[RunSpec, BeforeValidator(_written), AlsoWritten.of("string")]
