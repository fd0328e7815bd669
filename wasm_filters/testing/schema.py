"""The JSON Schema of test files, made from the models that read them."""

from __future__ import annotations

from typing import Any

from wasm_filters.testing.language.suite import SuiteSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def language() -> dict[str, Any]:
    """A schema for a whole test file."""
    return {
        "$schema": DIALECT,
        **_any_of(SuiteSpec.model_json_schema()),
        "title": "tests of a WASM filter",
    }


def _any_of(schema: Any) -> Any:
    """``oneOf`` as ``anyOf``: ``none`` is a text like others, too, where texts are taken."""
    if isinstance(schema, list):
        return [_any_of(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in schema.items()}
