"""The JSON Schema of the pattern language, made from the models that read it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from mesh_patterns.about import AboutSpec
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.kinds import KINDS
from mesh_patterns.spec import MeshSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = r"\$\{[^}]+\}"
_REFERENCES = "#/$defs/{model}"


def language() -> dict[str, Any]:
    """A schema for a whole pattern file; each kind of pattern is one branch, by its name."""
    models: list[Any] = [AboutSpec, MeshSpec, ClaimSpec, *(kind.spec for kind in KINDS.values())]
    keys, shared = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCES
    )
    references = {model: keys[model, "validation"] for model in models}
    return {
        "$schema": DIALECT,
        "title": "meshloom pattern file",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "about": references[AboutSpec],
            "use": _list({"type": "string"}, "files whose services and patterns are taken in"),
            "vars": {"type": "object", "description": "values that ${name} stands for"},
            "mesh": _nullable(references[MeshSpec]),
            "patterns": _list({"oneOf": [_branch(n, references) for n in KINDS]}, "what it does"),
            "expect": _list(references[ClaimSpec], "what somebody should see"),
        },
        "$defs": _closed(_or_variable(shared["$defs"])),
    }


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": items, "description": description}


def _nullable(reference: Any) -> dict[str, Any]:
    return {"anyOf": [reference, {"type": "null"}]}


def _closed(schema: Any) -> Any:
    """Where keys must look like names, others are mistakes."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _closed(value) for name, value in schema.items()}
    return {**changed, "additionalProperties": False} if "patternProperties" in schema else changed


def _or_variable(schema: Any) -> Any:
    """Wherever a number, a flag or one of a few words may stand, ``${name}`` may too."""
    if isinstance(schema, list):
        return [_or_variable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _or_variable(value) for name, value in schema.items()}
    scalar = schema.get("type") in ("integer", "number", "boolean") or isinstance(
        schema.get("pattern"), str
    )
    if scalar or isinstance(schema.get("enum"), list):
        return {"anyOf": [changed, {"type": "string", "pattern": _REFERENCE}]}
    return changed


def _branch(name: str, references: dict[Any, Any]) -> dict[str, Any]:
    named = {"properties": {"pattern": {"const": name}}, "required": ["pattern"]}
    return {"allOf": [references[KINDS[name].spec], named]}
