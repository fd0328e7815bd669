"""docs/PATTERNS.md says what the models say."""

from __future__ import annotations

from mesh_patterns.expect import ClaimSpec
from mesh_patterns.kinds import KINDS
from tests.pattern_language import ENVOY, filled
from tests.proofs import ROOT

DOCUMENT = ROOT / "docs/PATTERNS.md"


def test_every_kind_and_pattern_is_documented(update_golden: bool) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = filled(text)
    if update_golden:
        DOCUMENT.write_text(wanted, encoding="utf-8")
    assert update_golden or text == wanted, "pytest tests/test_docs.py --update-golden"


def test_what_is_said_of_envoy_is_said_of_fields_that_there_are() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for kind, fields in ENVOY.items():
        assert kind in KINDS
        section = text.partition(f"\n### {kind}\n")[2].partition("\n### ")[0]
        for name in fields:
            assert f"| `{name}` |" in section, f"{kind} has no {name!r}"


def test_every_key_of_a_claim_is_told() -> None:
    told = (ROOT / "docs/CLAIMS.md").read_text(encoding="utf-8")
    names = {field.alias or name for name, field in ClaimSpec.model_fields.items()}
    assert {name for name in names if f"`{name}" not in told} <= {"claim"}
