"""Regular expressions of others. One that is a plain text is no expression here, so that it is the
same as in other dialects.
"""

from __future__ import annotations

import re
from typing import Any

from mesh_yaml.node import Node

PLAIN = re.compile(r"[^\\^$.|?*+()\[\]{}]*")


def whole(node: Node) -> dict[str, Any]:
    """The match of an expression of the whole text."""
    expression = node.text().removeprefix("^").removesuffix("$")
    if PLAIN.fullmatch(expression):
        return {"exact": Node(expression, node.place)}
    return {"regex": node}
