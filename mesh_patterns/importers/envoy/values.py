"""Small values of Envoy's: matches of text, percentages, times, sources of data."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message, whole
from mesh_yaml.node import Node

_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
_KINDS = ("exact", "prefix", "suffix", "contains")
_OLD_REGEX = "regex"


def percent(message: Message | None, otherwise: float) -> float:
    """A ``FractionalPercent``, or one with a runtime key, in percent."""
    if message is None:
        return otherwise
    default = message.part("default_value")
    message.ignore("runtime_key")
    found = default if default is not None else message
    per = _DENOMINATORS.get(found.word("denominator", "HUNDRED"), 100)
    share = 100 * found.number("numerator") / per
    found.rest("percentage.")
    return share


def text_match(message: Message) -> dict[str, Any] | None:
    """A ``StringMatcher`` as a match of ours; ``None`` if we have no such."""
    found = {kind: node for kind in _KINDS if (node := message.get(kind)) is not None}
    expression = message.part("safe_regex")
    if expression is not None and (regex := expression.get("regex")) is not None:
        expression.ignore("google_re2")
        expression.rest("safe_regex.")
        found["regex"] = regex
    return _with_case(message, found) if len(found) == 1 else None


def _with_case(message: Message, found: dict[str, Node]) -> dict[str, Any] | None:
    """Our matches of text mind case, but an expression can say that it does not."""
    if not message.flag("ignore_case"):
        return dict(found)
    ((kind, node),) = found.items()
    return {"regex": Node(f"(?i){node.text()}", node.place)} if kind == "regex" else None


def inline(message: Message | None) -> Node | None:
    """The text of a ``DataSource`` that has it inside."""
    return None if message is None else message.get("inline_string")


def file_of(message: Message | None) -> Node | None:
    """The file of a ``DataSource``."""
    return None if message is None else message.get("filename")


def status(node: Node) -> int:
    """A status, which old files have as the name of an enum's value too."""
    return whole(node)
