"""A test file as text, from plain values: what a hunt has found, or what was captured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# What JSON may hold as it is, and YAML may not, or takes for the end of a line (YAML 1.2, section
# 5; YAML 1.1, section 4.2).
_ODD = (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
_ESCAPED = {code: f"\\u{code:04x}" for code in _ODD}


def written(
    comments: Sequence[str], head: Mapping[str, Any], tests: Sequence[Mapping[str, Any]]
) -> str:
    """The file: comments, the words before ``tests``, and each test, a word a line."""
    lines = [f"# {comment}" for comment in comments]
    lines += [f"{word}: {_json(value)}" for word, value in head.items()]
    lines.append("tests:")
    for test in tests:
        lines += _item(test)
    return "\n".join(lines) + "\n"


def _item(test: Mapping[str, Any]) -> list[str]:
    """A mapping in a list, its steps a line each; JSON is YAML."""
    lines = []
    for at, (word, value) in enumerate(test.items()):
        lead = "  - " if at == 0 else "    "
        if word == "steps":
            lines += [f"{lead}steps:", *(f"      - {_json(step)}" for step in value)]
        else:
            lines.append(f"{lead}{word}: {_json(value)}")
    return lines


def _json(value: Any) -> str:
    """Not in ASCII: YAML does not put the halves of an escaped pair together."""
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
