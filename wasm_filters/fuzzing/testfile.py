"""A finding as a test file: it fails as long as the filter does what was found."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from wasm_filters.fuzzing.hunt import Found
from wasm_filters.testing.written import written

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
    comment = f"found by meshloom wasm fuzz --seed {seed}, after {found.after} cases"
    return written([comment], head, [test])
