"""A finding as a test file: it fails as long as the filter does what was found."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from wasm_filters.fuzzing.hunt import Found

_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


def file_name(module: str, found: Found) -> str:
    """``header_policy-trap-proxy_on_request_body.test.yaml``."""
    parts = (module, found.finding.kind, found.finding.callback, found.finding.where[:40])
    fit = (_UNFIT.sub("_", part).strip("_") for part in parts)
    return "-".join(part for part in fit if part) + ".test.yaml"


def text(found: Found, filter_file: Path, folder: Path, own: str, root_id: str, seed: int) -> str:
    """The file's text, to lie in ``folder``; ``own`` is the configuration that was given."""
    finding = found.finding
    relative = os.path.relpath(filter_file, folder)
    test = found.draft.as_test(str(finding), finding.expect)
    head: dict[str, Any] = {"filter": relative}
    if own:
        head["configuration"] = own
    if root_id:
        head["root_id"] = root_id
    lines = [f"# found by meshloom wasm fuzz --seed {seed}, after {found.after} cases"]
    lines += [f"{word}: {_json(value)}" for word, value in head.items()]
    lines += ["tests:", *_item(test)]
    return "\n".join(lines) + "\n"


def _item(test: dict[str, Any]) -> list[str]:
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
    return json.dumps(value)
