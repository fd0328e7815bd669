"""From a tree to a model: each of pydantic's complaints becomes a problem at its place."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import ValidationError

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Problem
from mesh_yaml.spec import Spec

SpecT = TypeVar("SpecT", bound=Spec)

KEY = "[key]"  # pydantic's last step to a key that is wrong itself
WANTED = {
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "list_type": "expected a list",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "too_short": "expected at least one entry",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}


def build(model: type[SpecT], node: Node) -> SpecT:
    """A model out of a tree; it knows its node from then on.

    Raises:
        DocumentError: with everything that the model does not take, each at its place.
    """
    try:
        spec = model.model_validate(node.plain())
    except ValidationError as error:
        raise DocumentError(_problem(model, node, each) for each in error.errors()) from error
    spec.located(node)
    return spec


def _problem(model: type[Spec], node: Node, error: Any) -> Problem:
    path = error["loc"]
    at = node.find(*path)
    message = WANTED.get(error["type"]) or _lower(error["msg"])
    if path and path[-1] == KEY:
        return Problem(at.key or at.place, f"key {path[-2]!r}: {message}")
    name = _name(node, path)
    match error["type"]:
        case "extra_forbidden":
            hint = suggest_key(model, str(path[-1]))
            return Problem(at.key or at.place, f"unknown key {path[-1]!r}{hint}")
        case "missing":
            return Problem(at.place, f"{path[-1]!r} is missing")
        case "value_error":
            return Problem(at.place, f"{name}{error['ctx']['error']}")
    return Problem(at.place, f"{name}{message}, got {at.kind}")


def _name(node: Node, path: tuple[str | int, ...]) -> str:
    """A value's key, for a message; the elements of a list and the tags of a union have none."""
    there = path and node.find(*path[:-1]).get(str(path[-1]))
    return f"{path[-1]}: " if there else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def suggest_key(model: type[Spec], key: str) -> str:
    """What to say of an unknown key: one near to it, of the model or of one inside it."""
    schema = model.model_json_schema()
    shapes = [schema, *schema.get("$defs", {}).values()]
    known = {name for shape in shapes for name in shape.get("properties", {})}
    if key in known:
        return "; it belongs elsewhere"
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
