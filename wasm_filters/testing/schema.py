"""The JSON Schema of test files, made from the models that read them."""

from __future__ import annotations

from typing import Any

from wasm_filters.testing.language.suite import SuiteSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def language() -> dict[str, Any]:
    """A schema for a whole test file."""
    return {
        "$schema": DIALECT,
        **SuiteSpec.model_json_schema(),
        "title": "tests of a WASM filter",
    }
